//! A module that tells which of its functions are called.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, EntityType, ImportSection, Instruction, Module};
use wasmparser::{FunctionBody, Parser};

use super::app::App;

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
