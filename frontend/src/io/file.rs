//! Files to and from the person: saving what is made piece by piece, reading a chosen file.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, File, HtmlAnchorElement, HtmlInputElement, Url};

/// A file in the making, kept by the browser piece by piece: a long one is never in one string.
pub struct Draft {
    mime: &'static str,
    pieces: Array,
}

impl Draft {
    /// An empty file.
    pub fn new(mime: &'static str) -> Draft {
        Draft { mime, pieces: Array::new() }
    }

    /// Adds a text at its end.
    ///
    /// # Errors
    /// What the browser said.
    pub fn add(&self, text: &JsValue) -> Result<(), String> {
        // A blob of its own, so that the text is encoded now and not with all others at the end.
        let piece = Blob::new_with_str_sequence(&Array::of1(text)).map_err(|error| said(&error))?;
        self.pieces.push(&piece);
        Ok(())
    }

    /// Offers it as a download called `name`.
    ///
    /// # Errors
    /// What the browser said.
    pub fn save(&self, name: &str) -> Result<(), String> {
        self.try_save(name).map_err(|error| said(&error))
    }

    fn try_save(&self, name: &str) -> Result<(), JsValue> {
        let options = BlobPropertyBag::new();
        options.set_type(self.mime);
        let blob = Blob::new_with_blob_sequence_and_options(&self.pieces, &options)?;
        let url = Url::create_object_url_with_blob(&blob)?;
        let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
        let anchor: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
        Url::revoke_object_url(&url)
    }
}

/// The file chosen in a file field; the field is emptied, so that the same file can be chosen again.
pub fn take(input: &HtmlInputElement) -> Option<File> {
    let file = input.files()?.get(0);
    input.set_value("");
    file
}

/// How much of a file is read at once.
const PIECE: f64 = 1_048_576.0;

/// What is in a file.
///
/// # Errors
/// What the browser said.
pub async fn read(file: &File) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(file.size() as usize);
    while (bytes.len() as f64) < file.size() {
        let at = bytes.len() as f64;
        let piece = file.slice_with_f64_and_f64(at, at + PIECE).map_err(|error| said(&error))?;
        let buffer = JsFuture::from(piece.array_buffer()).await.map_err(|error| said(&error))?;
        let piece = Uint8Array::new(&buffer);
        if piece.length() == 0 {
            return Err("it became shorter while it was read".to_owned());
        }
        bytes.extend_from_slice(&piece.to_vec());
    }
    Ok(bytes)
}

fn said(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| "the browser refused".to_owned(), |error| String::from(error.message()))
}
