//! Cuts the app in two: what a first visit needs until its first trade, and the rest, which comes when that
//! is on the screen.
//!
//! It works on the finished module, so nothing in the app says where the cut is: that is for [`LATER`]. The
//! first half keeps memory, data and tables. A function of the later half is called through the table: its
//! slot holds a stub until the later half is there and puts itself into its slots. A stub that is called
//! earlier asks the page for the later half, waits, and goes on: a cut in the wrong place costs time, and
//! never a wrong answer. (frontend/later/later.js is the page's side of it.)

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, ImportSection, Instruction, MemorySection, Module, StartSection, TableSection,
    TypeSection,
};
use wasmparser::{
    DataKind, DataSectionReader, ElementItems, ElementKind, ExternalKind, FunctionBody, KnownCustom, MemoryType, Name,
    Operator, Parser, Payload, RefType, TableType, TypeRef, ValType,
};

use crate::alike;

/// What a stub calls: a function of the page that returns when the later half is there. It is imported from
/// where the app's other imports are.
pub const WAIT: &str = "later";
/// The name under which the later half imports what the first exports.
const FIRST: &str = "a";
/// What exports begin with that nobody calls: they are for streams, come with Leptos, and we stream nothing.
const UNUSED: [&str; 2] = ["intounderlying", "__wbg_intounderlying"];

/// The two halves.
pub struct Halves {
    /// What is loaded at once.
    pub first: Vec<u8>,
    /// What is loaded when the first half runs; nothing where everything is in the first.
    pub later: Option<Vec<u8>>,
}

/// A text that one function alone reads: it goes where that function goes.
pub struct Text<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// What the function's name ends with.
    pub reader: &'a str,
}

/// Cuts a module whose functions have names. `is_later` judges by the name; what only the later half calls goes
/// with it, and so does `text` with its reader.
///
/// # Errors
/// Where the module is not one that the app's tools make.
pub fn split(module: &[u8], is_later: impl Fn(&str) -> bool, text: Option<&Text<'_>>) -> Result<Halves> {
    let mut app = App::read(module)?;
    let cut = app.cut(is_later);
    let slots = app.slots(&cut);
    if let Some(text) = text {
        let is_reader = |function: &&u32| app.names.get(*function).is_some_and(|name| name.ends_with(text.reader));
        if cut.later.iter().any(|function| is_reader(&function))
            && !cut.first.iter().any(|function| is_reader(&function))
        {
            app.text = app.place(text.bytes)?;
        }
    }
    let first = app.first(&cut, &slots)?;
    Ok(Halves { first, later: (!cut.later.is_empty()).then(|| app.second(&cut, &slots)).transpose()? })
}

/// A module, taken apart. Functions, tables and globals have their index in the module; imported functions
/// come first.
#[derive(Default)]
struct App<'a> {
    types: Option<wasmparser::TypeSectionReader<'a>>,
    imports: Option<wasmparser::ImportSectionReader<'a>>,
    /// How many functions are imported.
    imported: u32,
    /// Where they are imported from.
    script: &'a str,
    /// The type of each function.
    functions: Vec<u32>,
    /// The type of a function that takes and returns nothing.
    plain: Option<u32>,
    /// The type of one that takes a number and returns nothing.
    takes_one: Option<u32>,
    /// How many parameters a type has.
    parameters: Vec<u32>,
    tables: Vec<TableType>,
    memories: Vec<MemoryType>,
    globals: Vec<wasmparser::GlobalType>,
    global_section: Option<wasmparser::GlobalSectionReader<'a>>,
    exports: Vec<wasmparser::Export<'a>>,
    start: Option<u32>,
    /// The table functions are called through, and what is in its slots.
    table: u32,
    slots: BTreeMap<u32, u32>,
    bodies: Vec<FunctionBody<'a>>,
    data: Option<DataSectionReader<'a>>,
    /// Where the text is that goes with the later half: in memory, from and to.
    text: Option<Range<usize>>,
    names: HashMap<u32, &'a str>,
}

impl<'a> App<'a> {
    fn read(module: &'a [u8]) -> Result<App<'a>> {
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
    fn segments(&self) -> Result<Vec<(usize, &'a [u8])>> {
        let mut segments = Vec::new();
        for segment in self.data.clone().into_iter().flatten() {
            let segment = segment?;
            let DataKind::Active { offset_expr, .. } = segment.kind else { bail!("a segment that is not active") };
            segments.push((constant(&offset_expr)? as usize, segment.data));
        }
        Ok(segments)
    }

    /// Where bytes are in memory, if they are there once.
    fn place(&self, bytes: &[u8]) -> Result<Option<Range<usize>>> {
        let mut places = Vec::new();
        for (start, data) in self.segments()? {
            let found = data.windows(bytes.len()).enumerate().filter(|(_, window)| *window == bytes);
            places.extend(found.map(|(at, _)| start + at));
        }
        Ok(if let [at] = places[..] { Some(at..at + bytes.len()) } else { None })
    }

    /// The data of one half: everything but the text, or the text alone.
    fn data(&self, is_text: bool) -> Result<DataSection> {
        let mut section = DataSection::new();
        let text = self.text.clone().unwrap_or_default();
        for (start, data) in self.segments()? {
            let (from, to) = (text.start.clamp(start, start + data.len()), text.end.clamp(start, start + data.len()));
            let pieces = [(start..from, false), (from..to, true), (to..start + data.len(), false)];
            for (piece, _) in pieces.iter().filter(|(piece, part)| *part == is_text && !piece.is_empty()) {
                let bytes = &data[piece.start - start..piece.end - start];
                section.active(0, &wasm_encoder::ConstExpr::i32_const(piece.start as i32), bytes.iter().copied());
            }
        }
        Ok(section)
    }

    /// The body of a function that is not imported.
    fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        self.bodies.get(function.checked_sub(self.imported)? as usize)
    }

    /// Functions in the order in which they stand in a file: beside those they are like.
    fn alike(&self, functions: &BTreeSet<u32>) -> Vec<u32> {
        let bodies: Vec<&[u8]> =
            functions.iter().map(|function| self.body(*function).map_or(&[][..], FunctionBody::as_bytes)).collect();
        let functions: Vec<u32> = functions.iter().copied().collect();
        alike::order(&bodies).into_iter().filter_map(|at| functions.get(at).copied()).collect()
    }

    /// The functions a function calls by name.
    fn calls(&self, function: u32) -> Vec<u32> {
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
    fn cut(&self, is_later: impl Fn(&str) -> bool) -> Cut {
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
    fn slots(&self, Cut { first, later }: &Cut) -> Slots {
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
    fn shared(&self, Cut { later, .. }: &Cut) -> Vec<u32> {
        let called: BTreeSet<u32> = later.iter().flat_map(|function| self.calls(*function)).collect();
        called.into_iter().filter(|function| !later.contains(function)).collect()
    }

    /// The table of functions with room for the new slots.
    fn tables(&self, slots: &Slots) -> Vec<TableType> {
        let mut tables = self.tables.clone();
        let table = &mut tables[self.table as usize];
        let end = slots.all.keys().last().map_or(0, |slot| u64::from(*slot) + 1);
        let more = end.saturating_sub(table.initial);
        table.initial += more;
        table.maximum = table.maximum.map(|maximum| maximum + more);
        tables
    }

    fn first(&self, cut: &Cut, slots: &Slots) -> Result<Vec<u8>> {
        // It stands behind the other imports.
        let wait = self.imported;
        let waits = u32::from(!cut.later.is_empty());
        let kept = &self.alike(&cut.first);
        let order = kept.iter().copied().chain(slots.of_sorted());
        let new = (0..self.imported).map(|same| (same, same)).chain(order.zip(wait + waits..)).collect();
        let mut half = Half { new, slots: Some((slots, self.table)), app: self };

        let mut module = Module::new();
        module.section(&half.types()?);
        let mut imports = ImportSection::new();
        if let Some(section) = self.imports.clone() {
            half.parse_import_section(&mut imports, section)?;
        }
        if waits == 1 {
            let plain = self.plain.context("no function that takes and returns nothing")?;
            imports.import(self.script, WAIT, EntityType::Function(plain));
        }
        module.section(&imports);
        let mut functions = FunctionSection::new();
        for function in kept.iter().copied().chain(slots.of_sorted()) {
            functions.function(self.functions[function as usize]);
        }
        module.section(&functions);
        let mut tables = TableSection::new();
        for table in self.tables(slots) {
            tables.table(half.table_type(table)?);
        }
        module.section(&tables);
        let mut memories = MemorySection::new();
        for memory in &self.memories {
            memories.memory(half.memory_type(*memory)?);
        }
        module.section(&memories);
        let mut globals = GlobalSection::new();
        if let Some(section) = self.global_section.clone() {
            half.parse_global_section(&mut globals, section)?;
        }
        module.section(&globals);
        let mut exports = ExportSection::new();
        for export in &self.exports {
            half.parse_export(&mut exports, *export)?;
        }
        for (name, (kind, index, _)) in self.bridge(cut, slots).into_iter().enumerate() {
            let index = if kind == ExportKind::Func { half.function_index(index)? } else { index };
            exports.export(&short(name), kind, index);
        }
        module.section(&exports);
        if let Some(start) = self.start {
            module.section(&StartSection { function_index: half.function_index(start)? });
        }
        let mut all = self.slots.clone();
        all.extend(&slots.all);
        module.section(&half.elements(&all)?);
        let mut code = CodeSection::new();
        for function in kept {
            half.code(&mut code, *function)?;
        }
        for function in slots.of_sorted() {
            let kind = self.functions[function as usize];
            let mut stub = Function::new([]);
            stub.instruction(&Instruction::Call(wait));
            for parameter in 0..self.parameters[kind as usize] {
                stub.instruction(&Instruction::LocalGet(parameter));
            }
            stub.instruction(&Instruction::I32Const(slots.of[&function] as i32));
            stub.instruction(&Instruction::CallIndirect { type_index: kind, table_index: self.table });
            stub.instruction(&Instruction::End);
            code.function(&stub);
        }
        module.section(&code);
        module.section(&self.data(false)?);
        Ok(module.finish())
    }

    fn second(&self, cut: &Cut, slots: &Slots) -> Result<Vec<u8>> {
        let later = &self.alike(&cut.later);
        let order = self.shared(cut).into_iter().chain(later.iter().copied());
        let mut half = Half { new: order.zip(0..).collect(), slots: None, app: self };

        let mut module = Module::new();
        module.section(&half.types()?);
        let mut imports = ImportSection::new();
        for (name, (_, _, entity)) in self.bridge(cut, slots).into_iter().enumerate() {
            imports.import(FIRST, &short(name), entity?);
        }
        module.section(&imports);
        let mut functions = FunctionSection::new();
        for function in later {
            functions.function(self.functions[*function as usize]);
        }
        module.section(&functions);
        module.section(&half.elements(&slots.all)?);
        let mut code = CodeSection::new();
        for function in later {
            half.code(&mut code, *function)?;
        }
        module.section(&code);
        module.section(&self.data(true)?);
        Ok(module.finish())
    }

    /// What the first half exports for the later one to import, in one order: tables, memories, globals, and
    /// the functions that both need.
    fn bridge(&self, cut: &Cut, slots: &Slots) -> Vec<(ExportKind, u32, Result<EntityType>)> {
        let mut plain = reencode::RoundtripReencoder;
        let mut bridge = Vec::new();
        for (table, index) in self.tables(slots).into_iter().zip(0..) {
            bridge.push((ExportKind::Table, index, plain.table_type(table).map(EntityType::from).map_err(Into::into)));
        }
        for (memory, index) in self.memories.iter().zip(0..) {
            bridge.push((
                ExportKind::Memory,
                index,
                plain.memory_type(*memory).map(EntityType::from).map_err(Into::into),
            ));
        }
        for (global, index) in self.globals.iter().zip(0..) {
            bridge.push((
                ExportKind::Global,
                index,
                plain.global_type(*global).map(EntityType::from).map_err(Into::into),
            ));
        }
        for function in self.shared(cut) {
            bridge.push((ExportKind::Func, function, Ok(EntityType::Function(self.functions[function as usize]))));
        }
        bridge
    }
}

/// Which function goes where. Neither holds imported ones.
struct Cut {
    first: BTreeSet<u32>,
    later: BTreeSet<u32>,
}

/// The slots of the later half's functions.
struct Slots {
    /// Every slot, and what is in it.
    all: BTreeMap<u32, u32>,
    /// A slot of each function.
    of: HashMap<u32, u32>,
}

impl Slots {
    /// The functions that have a slot, in the order of their slots.
    fn of_sorted(&self) -> impl Iterator<Item = u32> + '_ {
        self.all.iter().filter(|(slot, function)| self.of[*function] == **slot).map(|(_, function)| *function)
    }
}

/// Writes one half: functions get new indices, and calls to the other half go through the table.
struct Half<'a, 'b> {
    app: &'b App<'a>,
    new: HashMap<u32, u32>,
    /// In the first half: the slots of the later one, and their table.
    slots: Option<(&'b Slots, u32)>,
}

impl Reencode for Half<'_, '_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        Ok(self.new[&function])
    }
}

impl Half<'_, '_> {
    fn types(&mut self) -> Result<TypeSection> {
        let mut types = TypeSection::new();
        if let Some(section) = self.app.types.clone() {
            self.parse_type_section(&mut types, section)?;
        }
        Ok(types)
    }

    /// The elements that put functions into their slots, a run of slots each.
    fn elements(&mut self, slots: &BTreeMap<u32, u32>) -> Result<ElementSection> {
        let mut elements = ElementSection::new();
        let mut runs: Vec<(Range<u32>, Vec<u32>)> = Vec::new();
        for (slot, function) in slots {
            let function = self.function_index(*function)?;
            match runs.last_mut() {
                Some((range, functions)) if range.end == *slot => {
                    range.end += 1;
                    functions.push(function);
                }
                _ => runs.push((*slot..slot + 1, vec![function])),
            }
        }
        let table = (self.app.table != 0).then_some(self.app.table);
        for (range, functions) in runs {
            let offset = wasm_encoder::ConstExpr::i32_const(range.start as i32);
            elements.active(table, &offset, Elements::Functions(functions.into()));
        }
        Ok(elements)
    }

    fn code(&mut self, code: &mut CodeSection, function: u32) -> Result<()> {
        let body = self.app.body(function).context("an imported function has no body")?;
        let mut written = self.new_function_with_parsed_locals(body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            match (&operator, self.slots) {
                (Operator::Call { function_index }, Some((slots, table_index)))
                    if slots.of.contains_key(function_index) =>
                {
                    written.instruction(&Instruction::I32Const(slots.of[function_index] as i32));
                    let type_index = self.app.functions[*function_index as usize];
                    written.instruction(&Instruction::CallIndirect { type_index, table_index });
                }
                _ => {
                    written.instruction(&self.instruction(operator)?);
                }
            }
        }
        code.function(&written);
        Ok(())
    }
}

/// The number that an expression is.
fn constant(expression: &wasmparser::ConstExpr<'_>) -> Result<u32> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(value as u32),
        _ => bail!("an offset that is not constant"),
    }
}

/// A short name for a number.
fn short(mut number: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut name = String::new();
    loop {
        name.push(char::from(DIGITS[number % 36]));
        number /= 36;
        if number == 0 {
            return name;
        }
    }
}

/// What an instrumented module calls with a function's index, when the function is called.
pub const HIT: &str = "hit";

/// The module with a call of [`HIT`] at the start of each function, and the functions' names.
///
/// # Errors
/// Where the module is not one that the app's tools make.
pub fn instrument(module: &[u8]) -> Result<(Vec<u8>, HashMap<u32, String>)> {
    let app = App::read(module)?;
    let kind = app.takes_one.context("no function takes a number and returns nothing")?;
    let mut out = Module::new();
    Watched { imported: app.imported, script: app.script, kind, next: app.imported }.parse_core_module(
        &mut out,
        Parser::new(0),
        module,
    )?;
    let names = app.names.into_iter().filter(|(function, _)| *function >= app.imported);
    Ok((out.finish(), names.map(|(function, name)| (function, name.to_owned())).collect()))
}

/// Writes a module whose functions tell that they are called.
struct Watched<'a> {
    imported: u32,
    script: &'a str,
    /// The type of [`HIT`].
    kind: u32,
    /// The function written next.
    next: u32,
}

impl Reencode for Watched<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        Ok(if function < self.imported { function } else { function + 1 })
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        reencode::utils::parse_import_section(self, imports, section)?;
        imports.import(self.script, HIT, EntityType::Function(self.kind));
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), reencode::Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        function.instruction(&Instruction::I32Const(self.next as i32)).instruction(&Instruction::Call(self.imported));
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            function.instruction(&self.parse_instruction(&mut operators)?);
        }
        code.function(&function);
        self.next += 1;
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _: &mut Module,
        _: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{ConstExpr, NameMap, NameSection, RefType, ValType};

    use super::*;

    const LIST: Text<'static> = Text { bytes: b"a long list", reader: "::list" };

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
        data.active(0, &ConstExpr::i32_const(1024), *b"first a long list last");
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
        let Halves { first, later } = split(&app(), is_later, Some(&LIST)).unwrap();
        let (first, imports, exports) = read(&first);
        // `main` is called from outside, so it stays; `page` and `shown` have stubs, what only `page` calls needs none.
        assert_eq!((first.bodies.len(), &imports[..]), (3, &["log", WAIT][..]));
        assert!(exports.starts_with(&["main"]));
        let operators: Vec<_> = first.bodies[0].get_operators_reader().unwrap().into_iter().flatten().collect();
        assert!(matches!(
            operators[..],
            [.., Operator::I32Const { value: 2 }, Operator::CallIndirect { .. }, Operator::Drop, Operator::End]
        ));
        assert_eq!(first.segments().unwrap(), [(1024, &b"first "[..]), (1041, &b" last"[..])]);

        let later = later.unwrap();
        let (later, imports, _) = read(&later);
        // `page`, `help`, `list` and `shown`; the table and the memory are the first half's.
        assert_eq!((later.bodies.len(), imports.len()), (4, 2));
        assert!(imports.iter().all(|import| exports.contains(import)));
        assert_eq!(later.segments().unwrap(), [(1030, LIST.bytes)]);
    }

    #[test]
    fn a_text_stays_with_a_reader_that_stays_and_an_app_may_stay_whole() {
        let Halves { first, later } = split(&app(), |name| name == "app::shown", Some(&LIST)).unwrap();
        assert_eq!(read(&first).0.segments().unwrap().len(), 1);
        assert!(read(&later.unwrap()).0.data.is_none_or(|data| data.count() == 0));

        let Halves { first, later } = split(&app(), |_| false, Some(&LIST)).unwrap();
        let (first, imports, _) = read(&first);
        assert_eq!((first.bodies.len(), later.is_none(), &imports[..]), (5, true, &["log"][..]));
    }
}
