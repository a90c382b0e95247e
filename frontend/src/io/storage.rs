//! How much this page may keep, and whether the browser will keep it.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::StorageManager;

/// Room on this device, in bytes as the browser estimates them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    /// Taken by this page.
    pub usage: f64,
    /// The most it may take.
    pub quota: f64,
    /// Whether the browser promised not to clear it by itself.
    pub persisted: bool,
}

/// Asks the browser not to clear this page's data by itself, and returns whether it promised.
pub async fn persist() -> bool {
    let Some(asked) = manager().and_then(|manager| manager.persist().ok()) else { return false };
    JsFuture::from(asked).await.is_ok_and(|answer| answer.is_truthy())
}

/// What the browser says of the room; `None` where it does not say.
pub async fn room() -> Option<Room> {
    let manager = manager()?;
    let estimate = JsFuture::from(manager.estimate().ok()?).await.ok()?;
    let bytes = |name: &str| Reflect::get(&estimate, &name.into()).ok()?.as_f64();
    let persisted = JsFuture::from(manager.persisted().ok()?).await.is_ok_and(|answer| answer.is_truthy());
    Some(Room { usage: bytes("usage")?, quota: bytes("quota")?, persisted })
}

/// Absent in an insecure context.
fn manager() -> Option<StorageManager> {
    let manager: JsValue = Reflect::get(&web_sys::window()?.navigator(), &"storage".into()).ok()?;
    manager.is_object().then(|| manager.unchecked_into())
}
