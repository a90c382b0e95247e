//! Pieces that know no domain: what any page of any app is made of.

pub mod copy;
pub mod figures;
pub mod icon;
pub mod segments;
pub mod sheet;
pub mod signed;
pub mod tabs;
pub mod text;

pub use copy::CopyText;
pub use figures::Line;
pub use icon::{Icon, Shape};
pub use segments::Segments;
pub use sheet::Sheet;
pub use signed::Signed;
pub use tabs::Tabs;
pub use text::text;
