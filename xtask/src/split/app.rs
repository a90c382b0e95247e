//! A module of the app, taken apart, and who goes where.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use wasmparser::{
    DataKind, DataSectionReader, ElementItems, ElementKind, ExternalKind, FunctionBody, KnownCustom, MemoryType, Name,
    Operator, Parser, Payload, RefType, TableType, TypeRef, ValType,
};

use super::Which;

/// What exports begin with that nobody calls: they are for streams, come with Leptos, and we stream nothing.
const UNUSED: [&str; 2] = ["intounderlying", "__wbg_intounderlying"];

/// A module, taken apart. Functions, tables and globals have their index in the module; imported functions
/// come first.
#[derive(Default)]
pub(super) struct App<'a> {
    pub(super) types: Option<wasmparser::TypeSectionReader<'a>>,
    pub(super) imports: Option<wasmparser::ImportSectionReader<'a>>,
    /// How many functions are imported.
    pub(super) imported: u32,
    /// Where they are imported from.
    pub(super) script: &'a str,
    /// The type of each function.
    pub(super) functions: Vec<u32>,
    /// The type of a function that takes and returns nothing.
    pub(super) plain: Option<u32>,
    /// The type of one that takes a number and returns nothing.
    pub(super) takes_one: Option<u32>,
    /// How many parameters a type has.
    pub(super) parameters: Vec<u32>,
    pub(super) tables: Vec<TableType>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<wasmparser::GlobalType>,
    pub(super) global_section: Option<wasmparser::GlobalSectionReader<'a>>,
    pub(super) exports: Vec<wasmparser::Export<'a>>,
    pub(super) start: Option<u32>,
    /// The table functions are called through, and what is in its slots.
    pub(super) table: u32,
    pub(super) slots: BTreeMap<u32, u32>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    pub(super) data: Option<DataSectionReader<'a>>,
    /// Where the texts are that go with the later half: in memory, from and to, in order.
    pub(super) texts: Vec<Range<usize>>,
    pub(super) names: HashMap<u32, &'a str>,
}

impl<'a> App<'a> {
    pub(super) fn read(module: &'a [u8]) -> Result<App<'a>> {
        let mut app = App::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(types) => {
                    for group in types.clone() {
                        for kind in group?.types() {
                            let kind = kind.unwrap_func();
                            if kind.params().is_empty() && kind.results().is_empty() {
                                app.plain = Some(app.parameters.len() as u32);
                            }
                            if kind.params() == [ValType::I32] && kind.results().is_empty() {
                                app.takes_one = Some(app.parameters.len() as u32);
                            }
                            app.parameters.push(kind.params().len() as u32);
                        }
                    }
                    app.types = Some(types);
                }
                Payload::ImportSection(imports) => {
                    for import in imports.clone().into_imports() {
                        let import = import?;
                        let TypeRef::Func(kind) = import.ty else { bail!("{} is not a function", import.name) };
                        app.script = import.module;
                        app.functions.push(kind);
                        app.imported += 1;
                    }
                    app.imports = Some(imports);
                }
                Payload::FunctionSection(functions) => {
                    for kind in functions {
                        app.functions.push(kind?);
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables {
                        app.tables.push(table?.ty);
                    }
                }
                Payload::MemorySection(memories) => app.memories = memories.into_iter().collect::<Result<_, _>>()?,
                Payload::GlobalSection(globals) => {
                    for global in globals.clone() {
                        app.globals.push(global?.ty);
                    }
                    app.global_section = Some(globals);
                }
                Payload::ExportSection(exports) => {
                    app.exports = exports.into_iter().collect::<Result<_, _>>()?;
                    app.exports.retain(|export| !UNUSED.iter().any(|unused| export.name.starts_with(unused)));
                }
                Payload::StartSection { func, .. } => app.start = Some(func),
                Payload::ElementSection(elements) => app.read_slots(elements)?,
                Payload::CodeSectionEntry(body) => app.bodies.push(body),
                Payload::DataSection(data) => app.data = Some(data),
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Name(names) = custom.as_known() {
                        for part in names {
                            let Name::Function(names) = part? else { continue };
                            for name in names {
                                let name = name?;
                                app.names.insert(name.index, name.name);
                            }
                        }
                    }
                }
                Payload::Version { .. }
                | Payload::DataCountSection { .. }
                | Payload::CodeSectionStart { .. }
                | Payload::End(_) => {}
                other => bail!("a section that is not expected here: {other:?}"),
            }
        }
        ensure!(!app.names.is_empty(), "the module has no names to cut it by");
        Ok(app)
    }

    /// Which function is in which slot.
    fn read_slots(&mut self, elements: wasmparser::ElementSectionReader<'a>) -> Result<()> {
        let table = self.tables.iter().position(|table| table.element_type == RefType::FUNCREF);
        self.table = table.context("no table of functions")? as u32;
        for element in elements {
            let element = element?;
            let ElementKind::Active { table_index, offset_expr } = element.kind else {
                bail!("an element that is not active")
            };
            ensure!(table_index.unwrap_or(0) == self.table, "an element of another table");
            let offset = constant(&offset_expr)?;
            let ElementItems::Functions(functions) = element.items else {
                bail!("an element that is not of functions")
            };
            for (slot, function) in (offset..).zip(functions) {
                self.slots.insert(slot, function?);
            }
        }
        Ok(())
    }

    /// The segments of memory: where each begins, and what is in it.
    pub(super) fn segments(&self) -> Result<Vec<(usize, &'a [u8])>> {
        let mut segments = Vec::new();
        for segment in self.data.clone().into_iter().flatten() {
            let segment = segment?;
            let DataKind::Active { offset_expr, .. } = segment.kind else { bail!("a segment that is not active") };
            segments.push((constant(&offset_expr)? as usize, segment.data));
        }
        Ok(segments)
    }

    /// Where a text is in memory; nowhere, where it is not clear which of several it is.
    pub(super) fn places(&self, which: &Which<'_>) -> Result<Vec<Range<usize>>> {
        let mut places = Vec::new();
        for (start, data) in self.segments()? {
            match which {
                Which::One(bytes) => {
                    let found = data.windows(bytes.len()).enumerate().filter(|(_, window)| window == bytes);
                    places.extend(found.map(|(at, _)| start + at..start + at + bytes.len()));
                }
                Which::Between(open, close) => {
                    let mut from = 0;
                    while let Some(begin) = find(&data[from..], open.as_bytes()).map(|at| from + at) {
                        let Some(length) = find(&data[begin..], close.as_bytes()) else { break };
                        from = begin + length + close.len();
                        places.push(start + begin..start + from);
                    }
                }
            }
        }
        Ok(if matches!(which, Which::One(_)) && places.len() != 1 { Vec::new() } else { places })
    }

    /// The body of a function that is not imported.
    pub(super) fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        self.bodies.get(function.checked_sub(self.imported)? as usize)
    }

    /// The functions a function calls by name.
    pub(super) fn calls(&self, function: u32) -> Vec<u32> {
        let operators = self.body(function).and_then(|body| body.get_operators_reader().ok());
        let operators = operators.into_iter().flatten().flatten();
        operators
            .filter_map(|operator| match operator {
                Operator::Call { function_index } | Operator::RefFunc { function_index } => Some(function_index),
                _ => None,
            })
            .collect()
    }

    /// Who goes where: to the later half what is named so, and what nothing else calls. What nobody calls at all
    /// goes nowhere.
    pub(super) fn cut(&self, is_later: impl Fn(&str) -> bool) -> Cut {
        let exported =
            self.exports.iter().filter(|export| export.kind == ExternalKind::Func).map(|export| export.index);
        let fixed: BTreeSet<u32> = exported.chain(self.start).collect();
        let is_later = |function: &u32| {
            *function >= self.imported
                && !fixed.contains(function)
                && self.names.get(function).is_some_and(|name| is_later(name))
        };
        let roots = || fixed.iter().chain(self.slots.values()).copied();
        let first = self.reached(roots().filter(|function| !is_later(function)), |called| !is_later(called));
        let mut later = self.reached(roots(), |_| true);
        later.retain(|function| *function >= self.imported && !first.contains(function));
        Cut { first: first.into_iter().filter(|function| *function >= self.imported).collect(), later }
    }

    /// What is called from `roots`, and from there, where `goes` lets the call through.
    fn reached(&self, roots: impl Iterator<Item = u32>, goes: impl Fn(&u32) -> bool) -> BTreeSet<u32> {
        let mut reached: BTreeSet<u32> = roots.collect();
        let mut open: Vec<u32> = reached.iter().copied().collect();
        while let Some(function) = open.pop() {
            let calls = self.calls(function).into_iter().filter(|called| goes(called));
            open.extend(calls.filter(|called| reached.insert(*called)));
        }
        reached
    }

    /// The slots of the later half's functions: those they have, and new ones for what the first half calls.
    pub(super) fn slots(&self, Cut { first, later }: &Cut) -> Slots {
        let of_later = self.slots.iter().filter(|(_, function)| later.contains(function));
        let mut slots =
            Slots { all: of_later.map(|(slot, function)| (*slot, *function)).collect(), of: HashMap::new() };
        slots.of.extend(slots.all.iter().map(|(slot, function)| (*function, *slot)));
        let end = self.tables[self.table as usize].initial as u32;
        let called = first.iter().flat_map(|function| self.calls(*function));
        let called: BTreeSet<u32> = called.filter(|called| later.contains(called)).collect();
        let without = called.into_iter().filter(|function| !slots.of.contains_key(function)).collect::<Vec<_>>();
        for (slot, function) in (end..).zip(without) {
            slots.all.insert(slot, function);
            slots.of.insert(function, slot);
        }
        slots
    }

    /// What the later half takes from the first: functions it calls.
    pub(super) fn shared(&self, Cut { later, .. }: &Cut) -> Vec<u32> {
        let called: BTreeSet<u32> = later.iter().flat_map(|function| self.calls(*function)).collect();
        called.into_iter().filter(|function| !later.contains(function)).collect()
    }
}

/// Which function goes where. Neither holds imported ones.
pub(super) struct Cut {
    pub(super) first: BTreeSet<u32>,
    pub(super) later: BTreeSet<u32>,
}

/// The slots of the later half's functions.
pub(super) struct Slots {
    /// Every slot, and what is in it.
    pub(super) all: BTreeMap<u32, u32>,
    /// A slot of each function.
    pub(super) of: HashMap<u32, u32>,
}

impl Slots {
    /// The functions that have a slot, in the order of their slots.
    pub(super) fn of_sorted(&self) -> impl Iterator<Item = u32> + '_ {
        self.all.iter().filter(|(slot, function)| self.of[*function] == **slot).map(|(_, function)| *function)
    }
}

/// The number that an expression is.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Result<u32> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(value as u32),
        _ => bail!("an offset that is not constant"),
    }
}

/// Where a text begins in another, if it is in it.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
