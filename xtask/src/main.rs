//! Every command a person needs.
mod tokens;
fn main() -> anyhow::Result<()> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    tokens::generate(root.parent().unwrap(), &root.join("npm"), std::env::args().nth(1).as_deref() == Some("--check"))
}
