//! Cuts the app in two: what a first visit needs until its first trade, and the rest, which comes when that
//! is on the screen.
//!
//! It works on the finished module, so nothing in the app says where the cut is: that is for `halves`. The
//! first half keeps memory, data and tables. A function of the later half is called through the table: its
//! slot holds a stub until the later half is there and puts itself into its slots. A stub that is called
//! earlier asks the page for the later half, waits, and goes on: a cut in the wrong place costs time, and
//! never a wrong answer. (frontend/later/later.js is the page's side of it.)

mod alike;
mod app;
mod watch;
mod write;

use anyhow::Result;

use app::App;
pub use watch::{HIT, instrument};

/// What a stub calls: a function of the page that returns when the later half is there. It is imported from
/// where the app's other imports are.
pub const WAIT: &str = "later";

/// The two halves.
pub struct Halves {
    /// What is loaded at once.
    pub first: Vec<u8>,
    /// What is loaded when the first half runs; nothing where everything is in the first.
    pub later: Option<Vec<u8>>,
}

/// A text that one function alone reads: it goes where that function goes.
pub struct Text<'a> {
    /// Which it is.
    pub which: Which<'a>,
    /// What the function's name ends with.
    pub reader: &'a str,
}

/// Which text.
pub enum Which<'a> {
    /// This one, where it is there once.
    One(&'a [u8]),
    /// Every one between these marks, marks included.
    Between(&'a str, &'a str),
}

/// Cuts a module whose functions have names. `is_later` judges by the name; what only the later half calls goes
/// with it, and so do `texts` with their readers.
///
/// # Errors
/// Where the module is not one that the app's tools make.
pub fn split(module: &[u8], is_later: impl Fn(&str) -> bool, texts: &[Text<'_>]) -> Result<Halves> {
    let mut app = App::read(module)?;
    let cut = app.cut(is_later);
    let slots = app.slots(&cut);
    for text in texts {
        let is_reader = |function: &&u32| app.names.get(*function).is_some_and(|name| name.ends_with(text.reader));
        if cut.later.iter().any(|function| is_reader(&function))
            && !cut.first.iter().any(|function| is_reader(&function))
        {
            app.texts.extend(app.places(&text.which)?);
        }
    }
    app.texts.sort_by_key(|range| range.start);
    let first = app.first(&cut, &slots)?;
    Ok(Halves { first, later: (!cut.later.is_empty()).then(|| app.second(&cut, &slots)).transpose()? })
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
        FunctionSection, ImportSection, Instruction, MemorySection, Module, NameMap, NameSection, RefType,
        TableSection, TypeSection, ValType,
    };
    use wasmparser::{Operator, Parser, Payload};

    use super::*;

    const LIST: Text<'static> = Text { which: Which::One(b"a long list"), reader: "::list" };
    const MARKED: Text<'static> = Text { which: Which::Between("<", ">"), reader: "::list" };

    /// `main` is exported and calls `page`, which calls `help` and `list`; `shown` is only in the table; nobody
    /// calls `dead`.
    fn app() -> Vec<u8> {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([ValType::I32], [ValType::I32]);
        module.section(&types);
        let mut imports = ImportSection::new();
        imports.import("./app_bg.js", "log", EntityType::Function(0));
        module.section(&imports);
        let mut functions = FunctionSection::new();
        for kind in [0, 1, 1, 1, 1, 0] {
            functions.function(kind);
        }
        module.section(&functions);
        let mut tables = TableSection::new();
        tables.table(wasm_encoder::TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: 2,
            maximum: Some(2),
            shared: false,
        });
        module.section(&tables);
        let mut memories = MemorySection::new();
        memories.memory(wasm_encoder::MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        module.section(&memories);
        let mut exports = ExportSection::new();
        exports.export("main", ExportKind::Func, 1);
        module.section(&exports);
        let mut elements = ElementSection::new();
        elements.active(None, &ConstExpr::i32_const(1), Elements::Functions([5][..].into()));
        module.section(&elements);
        let mut code = CodeSection::new();
        let call = |function: u32| [Instruction::LocalGet(0), Instruction::Call(function)];
        let bodies = [
            vec![Instruction::Call(0), Instruction::I32Const(7), Instruction::Call(2), Instruction::Drop],
            [call(3), call(4)].concat().into_iter().chain([Instruction::I32Add]).collect(),
            vec![Instruction::LocalGet(0)],
            vec![Instruction::I32Const(1030)],
            vec![Instruction::I32Const(9)],
            vec![],
        ];
        for body in bodies {
            let mut function = Function::new([]);
            for instruction in body.iter().chain([&Instruction::End]) {
                function.instruction(instruction);
            }
            code.function(&function);
        }
        module.section(&code);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(1024), *b"first a long list last <one><two> end");
        module.section(&data);
        let mut names = NameMap::new();
        for (index, name) in (1..).zip(["app::main", "app::page", "app::help", "app::list", "app::shown", "app::dead"])
        {
            names.append(index, name);
        }
        let mut section = NameSection::new();
        section.functions(&names);
        module.section(&section);
        module.finish()
    }

    fn is_later(name: &str) -> bool {
        ["app::page", "app::list", "app::shown", "app::main"].contains(&name)
    }

    /// A half, taken apart, and its imports and exports by name.
    fn read(half: &[u8]) -> (App<'_>, Vec<&str>, Vec<&str>) {
        wasmparser::Validator::new().validate_all(half).unwrap();
        let mut app = App::default();
        let (mut imports, mut bodies) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(half) {
            match payload.unwrap() {
                Payload::ImportSection(section) => {
                    imports.extend(section.into_imports().map(|import| import.unwrap().name));
                }
                Payload::ExportSection(section) => app.exports.extend(section.into_iter().map(Result::unwrap)),
                Payload::CodeSectionEntry(body) => bodies.push(body),
                Payload::DataSection(data) => app.data = Some(data),
                _ => {}
            }
        }
        app.bodies = bodies;
        let exports = app.exports.iter().map(|export| export.name).collect();
        (app, imports, exports)
    }

    #[test]
    fn what_comes_later_is_reached_through_stubs_and_brings_its_text() {
        let Halves { first, later } = split(&app(), is_later, &[LIST]).unwrap();
        let (first, imports, exports) = read(&first);
        // `main` is called from outside, so it stays; `page` and `shown` have stubs, what only `page` calls needs none.
        assert_eq!((first.bodies.len(), &imports[..]), (3, &["log", WAIT][..]));
        assert!(exports.starts_with(&["main"]));
        let operators: Vec<_> = first.bodies[0].get_operators_reader().unwrap().into_iter().flatten().collect();
        assert!(matches!(
            operators[..],
            [.., Operator::I32Const { value: 2 }, Operator::CallIndirect { .. }, Operator::Drop, Operator::End]
        ));
        assert_eq!(first.segments().unwrap(), [(1024, &b"first "[..]), (1041, &b" last <one><two> end"[..])]);

        let later = later.unwrap();
        let (later, imports, _) = read(&later);
        // `page`, `help`, `list` and `shown`; the table and the memory are the first half's.
        assert_eq!((later.bodies.len(), imports.len()), (4, 2));
        assert!(imports.iter().all(|import| exports.contains(import)));
        assert_eq!(later.segments().unwrap(), [(1030, &b"a long list"[..])]);
    }

    #[test]
    fn every_marked_text_goes_with_what_reads_them_all() {
        let Halves { first, later } = split(&app(), is_later, &[MARKED, LIST]).unwrap();
        let rest = [(1024, &b"first "[..]), (1041, &b" last "[..]), (1057, &b" end"[..])];
        assert_eq!(read(&first).0.segments().unwrap(), rest);
        let texts = [(1030, &b"a long list"[..]), (1047, &b"<one>"[..]), (1052, &b"<two>"[..])];
        assert_eq!(read(&later.unwrap()).0.segments().unwrap(), texts);
    }

    #[test]
    fn a_text_stays_with_a_reader_that_stays_and_an_app_may_stay_whole() {
        let Halves { first, later } = split(&app(), |name| name == "app::shown", &[LIST]).unwrap();
        assert_eq!(read(&first).0.segments().unwrap().len(), 1);
        assert!(read(&later.unwrap()).0.data.is_none_or(|data| data.count() == 0));

        let Halves { first, later } = split(&app(), |_| false, &[LIST]).unwrap();
        let (first, imports, _) = read(&first);
        assert_eq!((first.bodies.len(), later.is_none(), &imports[..]), (5, true, &["log"][..]));
    }
}
