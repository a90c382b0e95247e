//! Which functions stand beside which, so that a file compresses well: those that are most alike.
//!
//! A compiler leaves many functions that are nearly the same, one for each type it was asked for. A compressor
//! finds what repeats better the nearer it is. So each function is followed by the one, of those left, that has
//! most in common with it: pieces of [`PIECE`] bytes that both have, over those that either has (Jaccard's index).

use std::collections::HashMap;

/// Bytes of what is compared. With five the first half of the app came out smallest, of four to eight.
const PIECE: usize = 5;
/// What as many functions have is everywhere, and says nothing.
const COMMON: usize = 300;

/// The order in which functions with these bodies stand beside those they are like: their places in `bodies`.
/// The longest comes first.
pub fn order(bodies: &[&[u8]]) -> Vec<usize> {
    let mut known = HashMap::new();
    let mut pieces: Vec<Vec<u32>> = Vec::with_capacity(bodies.len());
    for body in bodies {
        let mut of_this = Vec::with_capacity(body.len());
        for piece in body.windows(PIECE) {
            let next = known.len() as u32;
            of_this.push(*known.entry(piece).or_insert(next));
        }
        of_this.sort_unstable();
        of_this.dedup();
        pieces.push(of_this);
    }
    let mut with = vec![Vec::new(); known.len()];
    for (function, pieces) in pieces.iter().enumerate() {
        for piece in pieces {
            with[*piece as usize].push(function);
        }
    }
    let mut is_left = vec![true; bodies.len()];
    let mut shared = vec![0_usize; bodies.len()];
    let mut order = Vec::with_capacity(bodies.len());
    let mut next = (0..bodies.len()).max_by_key(|function| (bodies[*function].len(), usize::MAX - function));
    while let Some(current) = next {
        order.push(current);
        is_left[current] = false;
        let mut met = Vec::new();
        for piece in &pieces[current] {
            let with = &with[*piece as usize];
            for function in with.iter().filter(|function| with.len() < COMMON && is_left[**function]) {
                if shared[*function] == 0 {
                    met.push(*function);
                }
                shared[*function] += 1;
            }
        }
        // One fraction is more than another where it is so crosswise; of the same the first.
        let index = |function: usize| {
            let both = shared[function];
            (both, pieces[current].len() + pieces[function].len() - both)
        };
        let more = |one: &usize, other: &usize| {
            let ((a, b), (c, d)) = (index(*one), index(*other));
            (a * d).cmp(&(c * b)).then(other.cmp(one))
        };
        let most_alike = met.iter().copied().max_by(more);
        for function in met {
            shared[function] = 0;
        }
        next = most_alike.or_else(|| is_left.iter().position(|is_left| *is_left));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_alike_stand_together_and_each_stands_once() {
        let bodies: [&[u8]; 6] = [
            b"a function of one kind: 1",
            b"something else altogether, the longest of all of them",
            b"12",
            b"a function of one kind: 2",
            b"",
            b"something else altogether",
        ];
        assert_eq!(order(&bodies), [1, 5, 0, 3, 2, 4]);
        assert_eq!(order(&[]), [0_usize; 0]);
    }
}
