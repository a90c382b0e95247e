//! Who may do what is not for everybody: whoever holds the operator's token.
//!
//! The token is in a file that the operator makes; it travels in a header and is shown nowhere. Without such
//! a file nobody is the operator.

use axum::http::HeaderMap;

use crate::config::Secret;
use crate::error::ApiError;
use crate::guard;

/// The shortest token that is taken, in characters.
const SHORTEST: usize = 32;

/// What an operator's file should hold.
pub const EXPECTED: &str = "a readable file that holds a token of 32 visible characters or more and nothing else \
                            (`openssl rand -hex 32` makes one)";

/// Reads the token from a file.
pub fn read(path: &str) -> Option<Secret> {
    let text = std::fs::read_to_string(path).ok()?;
    let token = text.trim();
    let fits = token.len() >= SHORTEST && token.len() <= 1024 && token.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Secret::new(token))
}

/// Whether a request comes from the operator.
///
/// # Errors
/// [`ApiError::NoOperator`], [`ApiError::NotOperator`].
pub fn check(operator: Option<&Secret>, headers: &HeaderMap) -> Result<(), ApiError> {
    let operator = operator.ok_or(ApiError::NoOperator)?;
    let given = guard::bearer(headers).ok_or(ApiError::NotOperator)?;
    if guard::same(given.as_bytes(), operator.reveal().as_bytes()) { Ok(()) } else { Err(ApiError::NotOperator) }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[test]
    fn only_the_token_itself_opens() {
        let token = Secret::new("0123456789abcdef0123456789abcdef");
        let ask = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            }
            check(Some(&token), &headers)
        };
        assert_eq!(ask(Some("Bearer 0123456789abcdef0123456789abcdef")), Ok(()));
        assert_eq!(ask(Some("bearer  0123456789abcdef0123456789abcdef")), Ok(()));
        for wrong in [
            None,
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer 0123456789abcdef0123456789abcdeF"),
            Some("Bearer 0123456789abcdef0123456789abcdef0"),
            Some("Basic 0123456789abcdef0123456789abcdef"),
            Some("0123456789abcdef0123456789abcdef"),
        ] {
            assert_eq!(ask(wrong), Err(ApiError::NotOperator), "{wrong:?}");
        }
        assert_eq!(check(None, &HeaderMap::new()), Err(ApiError::NoOperator));
    }
}
