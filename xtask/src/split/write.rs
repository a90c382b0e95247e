//! Writes the halves of a module that is cut.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use anyhow::{Context as _, Result};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, ImportSection, Instruction, MemorySection, Module, StartSection, TableSection,
    TypeSection,
};
use wasmparser::{FunctionBody, Operator, TableType};

use super::app::{App, Cut, Slots};
use super::{WAIT, alike};

/// The name under which the later half imports what the first exports.
const FIRST: &str = "a";

impl App<'_> {
    /// The data of one half: everything but the texts, or the texts alone.
    fn data(&self, is_text: bool) -> Result<DataSection> {
        let mut section = DataSection::new();
        for (start, data) in self.segments()? {
            let end = start + data.len();
            let mut pieces = Vec::new();
            let mut at = start;
            for text in &self.texts {
                let (from, to) = (text.start.clamp(at, end), text.end.clamp(at, end));
                pieces.extend([(at..from, false), (from..to, true)]);
                at = to;
            }
            pieces.push((at..end, false));
            for (piece, _) in pieces.iter().filter(|(piece, part)| *part == is_text && !piece.is_empty()) {
                let bytes = &data[piece.start - start..piece.end - start];
                section.active(0, &wasm_encoder::ConstExpr::i32_const(piece.start as i32), bytes.iter().copied());
            }
        }
        Ok(section)
    }

    /// Functions in the order in which they stand in a file: beside those they are like.
    fn alike(&self, functions: &BTreeSet<u32>) -> Vec<u32> {
        let bodies: Vec<&[u8]> =
            functions.iter().map(|function| self.body(*function).map_or(&[][..], FunctionBody::as_bytes)).collect();
        let functions: Vec<u32> = functions.iter().copied().collect();
        alike::order(&bodies).into_iter().filter_map(|at| functions.get(at).copied()).collect()
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

    /// What is loaded at once.
    pub(super) fn first(&self, cut: &Cut, slots: &Slots) -> Result<Vec<u8>> {
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

    /// What is loaded when the first half runs.
    pub(super) fn second(&self, cut: &Cut, slots: &Slots) -> Result<Vec<u8>> {
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
