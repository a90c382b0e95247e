//! Words that come with the app's later half.
//!
//! The halves share one memory, and what is in it comes with the first: every text of every page, whoever reads it.
//! A text in [`later!`] is marked, and `xtask/src/split/` moves what is so marked to the later half, as long as
//! [`told`] is there too: who asks for a text waits for the half that has it. Worth it for a page's prose; a text that
//! a first visit reads has no place here.

/// A text that comes with the app's later half.
macro_rules! later {
    ($text:literal) => {
        $crate::later::told(concat!("\u{e000}", $text, "\u{e001}"))
    };
}

pub(crate) use later;

/// Bytes of a mark, at either end.
const MARK: usize = '\u{e000}'.len_utf8();

/// Takes the marks off a text.
///
/// It stays a function of its own: being called is what waits for the half it is in.
#[inline(never)]
pub fn told(marked: &'static str) -> &'static str {
    marked.get(MARK..marked.len().saturating_sub(MARK)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_is_read_without_its_marks() {
        assert_eq!(later!("Not paper."), "Not paper.");
        assert_eq!(later!(""), "");
    }
}
