//! The two halves of Foolscap: the app in `dist/`, and the server that carries it inside.

use std::path::PathBuf;

use anyhow::Result;

use crate::fresh::Stamp;
use crate::step::{output, run as execute, step};
use crate::tools::{APP, Toolbox};
use crate::workspace::Workspace;

/// How to build.
#[derive(clap::Args)]
pub struct Args {
    /// Quick builds instead of small and fast ones
    #[arg(long)]
    pub dev: bool,
    /// Where a static host will serve dist/, when not at its root
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub public_url: String,
}

/// `cargo xtask build`.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let tools = Toolbox::with(workspace, &APP)?;
    let server = everything(workspace, &tools, args)?;
    println!("app:    {}", workspace.path("dist").display());
    println!("server: {}", server.display());
    Ok(())
}

/// The app, then the server around it. Returns the server's program.
pub fn everything(workspace: &Workspace, tools: &Toolbox, args: &Args) -> Result<PathBuf> {
    app(workspace, tools, args)?;
    server(workspace, tools, args.dev)
}

/// Builds the app into `dist/`, unless it is there already.
pub fn app(workspace: &Workspace, tools: &Toolbox, args: &Args) -> Result<()> {
    let compiler = output(tools.wasm_command("rustc").current_dir(&workspace.root).arg("-vV"))?;
    let stamp = Stamp::of_app(workspace, &format!("{} {} {compiler}", args.dev, args.public_url))?;
    if stamp.holds()? {
        eprintln!("[xtask] build the app: nothing changed");
        return Ok(());
    }
    step("build the app", || {
        let mut trunk = if args.dev { tools.wasm_command("trunk") } else { tools.release_command("trunk") };
        trunk.current_dir(&workspace.root).args(["build", "--public-url", &args.public_url]);
        if args.dev {
            trunk.args(["--release=false", "--cargo-profile=dev"]);
        }
        // Trunk reads `NO_COLOR` as a boolean and stumbles over the usual `1`.
        execute(trunk.env_remove("NO_COLOR").env("CARGO_TARGET_DIR", &workspace.target))?;
        stamp.leave()
    })
}

/// Builds the server with the app in `dist/` inside. Returns its program.
pub fn server(workspace: &Workspace, tools: &Toolbox, dev: bool) -> Result<PathBuf> {
    let profile = if dev { "dev" } else { "release" };
    step("build the server", || {
        execute(tools.command("cargo").current_dir(&workspace.root).args([
            "build",
            "--locked",
            "--package=backend",
            "--bin=foolscap",
            "--profile",
            profile,
        ]))
    })?;
    Ok(workspace.built(if dev { "debug" } else { "release" }, "foolscap"))
}
