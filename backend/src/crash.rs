//! Named places at which a story has the process end, as if it were killed there.
//!
//! Nothing reaches them from outside: no setting, variable or request arms them, only a program around this library,
//! and only in a build with debug assertions. In a release there is nothing here.

use std::sync::OnceLock;

type Hook = Box<dyn Fn(&str, &str) + Send + Sync>;

static HOOK: OnceLock<Hook> = OnceLock::new();

/// Has this called at every place from now on, with when it is and of what. The first to come stays. In a release it
/// is never called.
pub fn arm(hook: impl Fn(&str, &str) + Send + Sync + 'static) {
    let _ = HOOK.set(Box::new(hook));
}

/// A place.
pub(crate) fn point(when: &str, what: &str) {
    if cfg!(debug_assertions)
        && let Some(hook) = HOOK.get()
    {
        hook(when, what);
    }
}
