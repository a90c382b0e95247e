//! Files to and from the person: saving text, reading a chosen file.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, HtmlAnchorElement, HtmlInputElement, Url};

/// Offers `text` as a download called `name`.
///
/// # Errors
/// What the browser said.
pub fn save(name: &str, mime: &str, text: &str) -> Result<(), String> {
    try_save(name, mime, text).map_err(|error| said(&error))
}

fn try_save(name: &str, mime: &str, text: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let anchor: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    Url::revoke_object_url(&url)
}

/// The file chosen in a file field; the field is emptied, so that the same file can be chosen again.
pub fn take(input: &HtmlInputElement) -> Option<File> {
    let file = input.files()?.get(0);
    input.set_value("");
    file
}

/// The text of a file.
///
/// # Errors
/// What the browser said.
pub async fn read(file: &File) -> Result<String, String> {
    let text = JsFuture::from(file.text()).await.map_err(|error| said(&error))?;
    text.as_string().ok_or_else(|| "the file is not text".to_owned())
}

fn said(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| "the browser refused".to_owned(), |error| String::from(error.message()))
}
