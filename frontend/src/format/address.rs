//! Addresses and hashes, shortened for reading; the whole of them goes into the title.

/// `0x1234…abcd` of an address in its checksummed form.
pub fn short_address(checksummed: &str) -> String {
    short(checksummed, 6, 4)
}

/// `0x12345678…abcdef` of a hash.
pub fn short_hash(hash: &str) -> String {
    short(hash, 10, 6)
}

fn short(text: &str, head: usize, tail: usize) -> String {
    if !text.is_ascii() || text.len() <= head + tail + 1 {
        return text.to_owned();
    }
    format!("{}…{}", &text[..head], &text[text.len() - tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_stay_and_short_texts_are_left_alone() {
        assert_eq!(short_address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), "0xC02a…6Cc2");
        assert_eq!(short_address("0xC02a"), "0xC02a");
    }
}
