#!/usr/bin/env bash
# A Rust toolchain for wasm32-unknown-unknown out of Debian's own packages, for machines that can't
# reach rustup's server. Installs rustc-web, cargo-web, rust-web-src and the lld of their LLVM,
# builds the standard library for the target once, and links the toolchain into rustup.
#
# Prints the toolchain's rustup name (nothing where there is no rustup: then it is the default).
# Idempotent. Called by `cargo xtask`, or by hand.
set -euo pipefail

target=wasm32-unknown-unknown
name=${WASM_TOOLCHAIN_NAME:-debian-web}
folder=${WASM_TOOLCHAIN_DIR:-/opt/debian-web}

say() { printf '[wasm-target] %s\n' "$*" >&2; }

packages=(rustc-web cargo-web rust-web-src)
sudo=()
if [ "$(id -u)" != 0 ]; then
  sudo=(sudo --non-interactive)
  if ! "${sudo[@]}" true 2>/dev/null; then
    say "no right to install. As root, run this script, or where rustup's server can be reached:"
    say "    rustup target add $target"
    exit 1
  fi
fi

install_packages() {
  say "apt-get install $*"
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  "${sudo[@]}" apt-get update -qq
  install_packages "${missing[@]}"
fi

# The linker must read the bitcode this rustc writes: take the lld of its own LLVM, or a newer one.
llvm=$(/usr/bin/rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
lld=
for version in "$llvm" $((llvm + 1)) $((llvm - 1)); do
  if [ -x "/usr/bin/lld-$version" ] || install_packages "lld-$version" 2>/dev/null; then
    lld=/usr/bin/lld-$version
    break
  fi
done
[ -n "$lld" ] || { say "Debian has no lld for LLVM $llvm"; exit 1; }
say "$(/usr/bin/rustc -V), LLVM $llvm, $lld"

# rustc looks for its default wasm linker, `rust-lld`, in this folder first.
host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
"${sudo[@]}" mkdir -p "/usr/lib/rustlib/$host/bin"
"${sudo[@]}" ln -sfn "$lld" "/usr/lib/rustlib/$host/bin/rust-lld"

libdir=$(/usr/bin/rustc --print target-libdir --target $target)
stamp="$(/usr/bin/rustc -vV | sha256sum | cut -c1-16) 1"
if [ "$(cat "$libdir/.stamp" 2>/dev/null)" != "$stamp" ]; then
  say "building the standard library for $target"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/src"
  echo '#![no_std]' >"$work/src/lib.rs"
  cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "standard"
version = "0.0.0"
edition = "2021"
[profile.release]
opt-level = 3
codegen-units = 1
panic = "abort"
debug = false
[workspace]
TOML
  # embed-bitcode: a later lto = "fat" inlines std; the remap keeps machine paths out of it.
  version=$(/usr/bin/rustc -V | cut -d' ' -f2)
  if ! (
    cd "$work"
    env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u RUSTUP_TOOLCHAIN RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=/usr/src/rustc-$version=/rustc" \
      /usr/bin/cargo build --release -Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test \
      --target $target --target-dir "$work/target"
  ) >"$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    say "building the standard library failed"
    exit 1
  fi
  built=$work/target/$target/release/deps
  rm -f "$built"/libstandard-*
  "${sudo[@]}" mkdir -p "$libdir"
  "${sudo[@]}" rm -f "$libdir"/lib*.rlib "$libdir"/lib*.rmeta
  "${sudo[@]}" cp "$built"/lib*.rlib "$libdir/"
  echo "$stamp" | "${sudo[@]}" tee "$libdir/.stamp" >/dev/null
fi

command -v rustup >/dev/null || exit 0
"${sudo[@]}" mkdir -p "$folder/bin"
for program in rustc cargo rustdoc; do "${sudo[@]}" ln -sfn "/usr/bin/$program" "$folder/bin/$program"; done
"${sudo[@]}" ln -sfn /usr/lib "$folder/lib"
rustup toolchain link "$name" "$folder" >&2
echo "$name"
