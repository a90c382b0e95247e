//! A program in another language, with a client that knows nothing of Foolscap: it goes by what docs/ says.

use std::{env, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use tests::world::World;
use tokio::process::Command;

use super::rooms::account;

/// The interpreter with the packages of `tests/python/requirements.txt`.
fn python() -> PathBuf {
    if let Some(path) = env::var_os("FOOLSCAP_PYTHON") {
        return path.into();
    }
    let program = env::current_exe().expect("this program");
    // target/debug/deps/stories
    let target = program.ancestors().nth(3).expect("a target folder");
    let python = target.join("python/bin/python");
    assert!(
        python.is_file(),
        "there is no {}: `cargo xtask test --only native` makes it; or set FOOLSCAP_PYTHON to a Python with {}",
        python.display(),
        "what tests/python/requirements.txt names"
    );
    python
}

#[tokio::test]
async fn a_bot_in_python_shows_its_thoughts_by_what_the_documents_say() {
    let world = World::start().await;
    let mine = account(1);
    let mut bot = Command::new(python());
    bot.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/thoughts.py"));
    bot.arg(world.server.address.to_string()).arg(mine.id.to_string()).arg(&mine.token);
    let done = tokio::time::timeout(Duration::from_secs(60), bot.kill_on_drop(true).output()).await;
    let done = done.expect("it ends").expect("it runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let heard: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&heard["room"], &heard["offset"]), (&json!(mine.id.room()), &json!(1)));
    let (_, joined) = mine.enter(&world.server, None).await;
    assert_eq!(joined["offset"], 2, "its thought, told once, and the one it missed");
}
