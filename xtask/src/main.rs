//! Foolscap's front door: every command a person needs, each installing what it lacks.
//!
//! `cargo xtask serve` builds the app and the server and runs them; `cargo xtask test` runs every
//! check there is. The rest regenerates files or measures.

mod bench;
mod build;
mod chart;
mod devnet;
mod docs;
mod fresh;
mod halves;
mod hex;
mod record;
mod serve;
mod split;
mod stage;
mod step;
mod test;
mod tokens;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::tools::{Need, Toolbox};
use crate::workspace::Workspace;

/// Build, run and test Foolscap.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and serve it on http://127.0.0.1:8080
    Serve(serve::Args),
    /// Run every check and every test
    Test(test::Args),
    /// Build the app into dist/ and the server that carries it
    Build(build::Args),
    /// Run the property tests at length: 100,000 cases each, optimised
    Soak(test::SoakArgs),
    /// Measure; without an area, everything
    Bench(bench::Args),
    /// Run the stand-in CoinGecko the tests use
    Coingecko {
        /// Arguments for it
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Trade for real on a chain of your own: anvil, Uniswap V2 and V3, a key with coins, and Foolscap
    Devnet(devnet::Args),
    /// Regenerate the token table from the named public list
    Tokens {
        /// Change nothing; fail where it differs
        #[arg(long)]
        check: bool,
    },
    /// Regenerate the JSON schemas in docs/
    Docs,
    /// Record what a first visit does without: that part of the app is loaded later
    Record,
    /// Install every tool, and do nothing else
    Setup,
    /// Make Trunk's output fit our content security policy (a hook of Trunk's)
    #[command(hide = true)]
    Stage,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("[xtask] {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Serve(args) => serve::run(&workspace, &args),
        Command::Test(args) => test::run(&workspace, &args),
        Command::Build(args) => build::run(&workspace, &args),
        Command::Soak(args) => test::soak(&workspace, &args),
        Command::Bench(args) => bench::run(&workspace, &args),
        Command::Coingecko { args } => serve::coingecko(&workspace, &args),
        Command::Devnet(args) => devnet::run(&workspace, &args),
        Command::Tokens { check } => {
            Toolbox::with(&workspace, &[Need::Packages("xtask/npm")])?;
            tokens::generate(&workspace, check)
        }
        Command::Docs => docs::generate(&workspace),
        Command::Record => record::run(&workspace),
        Command::Setup => Toolbox::with(&workspace, &tools::EVERYTHING).map(drop),
        Command::Stage => stage::run(&workspace),
    }
}
