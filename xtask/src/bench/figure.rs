//! A figure: what was measured, and the bar it is held to.

use std::fmt;

use serde_json::{Value, json};

/// One measured figure.
pub struct Figure {
    /// What was measured, dotted from the general to the particular.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What it has to reach, where it is held to something.
    pub bar: Option<Bar>,
}

/// What a figure has to reach.
#[derive(Clone, Copy)]
pub enum Bar {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Figure {
    /// A figure that is only told.
    pub fn told(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, bar: None }
    }

    /// The same, held to a bar.
    pub fn held_to(self, bar: Bar) -> Self {
        Self { bar: Some(bar), ..self }
    }

    /// Whether it reaches its bar; nothing where it has none.
    pub fn holds(&self) -> Option<bool> {
        self.bar.map(|bar| match bar {
            Bar::AtLeast(least) => self.value >= least,
            Bar::AtMost(most) => self.value <= most,
        })
    }

    /// The figure as a line of JSON.
    pub fn json(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "bar": self.bar.map(|bar| bar.to_string()),
            "holds": self.holds(),
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.value.abs() < 100.0 { format!("{:.3}", self.value) } else { format!("{:.0}", self.value) };
        let bar = self.bar.map(|bar| bar.to_string()).unwrap_or_default();
        let verdict = match self.holds() {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None => "",
        };
        write!(f, "{:<44}{value:>14} {:<12}{bar:>14} {verdict}", self.name, self.unit)
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::AtMost(most) => write!(f, "<= {most}"),
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_figure_holds_when_it_reaches_its_bar_and_says_nothing_without_one() {
        let figure = |value, bar| Figure { name: "x".into(), value, unit: "y", bar };
        for (value, bar, holds) in [
            (1.0, Some(Bar::AtLeast(1.0)), Some(true)),
            (0.9, Some(Bar::AtLeast(1.0)), Some(false)),
            (1.1, Some(Bar::AtMost(1.0)), Some(false)),
            (f64::NAN, Some(Bar::AtMost(1.0)), Some(false)),
            (5.0, None, None),
        ] {
            assert_eq!(figure(value, bar).holds(), holds);
        }
    }
}
