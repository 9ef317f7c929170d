//! Finds every fault that a file's code could have, by the kinds that there are.
//!
//! Left out: constants and what is computed for them, patterns, types, words for people, what is compiled for tests alone, and
//! what stands in a macro's brackets.

use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, BinOp, Block, Expr, ExprBinary, ExprCall, ExprIf, ExprMethodCall, ExprPath,
    ExprRepeat, ExprUnary, ExprWhile, GenericArgument, ImplItemConst, ImplItemFn, ItemConst,
    ItemFn, ItemImpl, ItemMod, ItemStatic, Lit, Pat, Signature, Stmt, TraitItemConst, TraitItemFn,
    Type, UnOp,
};

use super::fault::{Edit, Fault, Form, line_of};
use super::kinds;
use super::source::{Source, is_for_tests};

/// Words for people, and values of no meaning.
const NOT_MEANT: [&str; 4] = ["Display", "Debug", "Error", "Default"];

pub(crate) fn faults(source: &Source) -> Vec<Fault> {
    let mut finder = Finder { source, within: Vec::new(), found: Vec::new() };
    finder.visit_file(&source.items);
    finder.found
}

struct Finder<'a> {
    source: &'a Source,
    within: Vec<String>,
    found: Vec<Fault>,
}

fn bytes(of: &impl Spanned) -> Range<usize> {
    of.span().byte_range()
}

impl Finder<'_> {
    fn found(&mut self, kind: &'static str, form: Form, host: Range<usize>, edit: &Edit<'_>) {
        let text = &self.source.text;
        let (from, to) = edit.shown(text);
        let faulty = edit.within(text, &host);
        self.note(Fault {
            kind,
            form,
            faulty,
            from,
            to,
            line: line_of(text, edit.at.start),
            host,
            ..self.nothing()
        });
    }

    fn nothing(&self) -> Fault {
        Fault {
            file: self.source.file.clone(),
            kind: "",
            within: self.within.last().cloned().unwrap_or_default(),
            line: 0,
            form: Form::Expression,
            host: 0..0,
            faulty: String::new(),
            from: String::new(),
            to: String::new(),
            nth: 0,
        }
    }

    fn note(&mut self, fault: Fault) {
        // Outside of functions there are constants only.
        if !self.within.is_empty() {
            self.found.push(fault);
        }
    }

    /// Another text for a part of an expression.
    fn instead(&mut self, kind: &'static str, host: &impl Spanned, at: Range<usize>, with: &str) {
        self.found(kind, Form::Expression, bytes(host), &Edit { at, with });
    }

    /// A condition that always holds, and one that never does.
    fn condition(&mut self, condition: &Expr, ways: &[&str]) {
        for way in ways {
            self.instead(kinds::CONDITION, condition, bytes(condition), way);
        }
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        if signature.constness.is_some() || is_for_tests(attributes) {
            return;
        }
        let name = signature.ident.to_string();
        self.within.push(name.clone());
        let begin = block.brace_token.span.open().byte_range().end;
        for value in kinds::at_once(&signature.output) {
            let returned = format!("return {value}").trim().to_owned();
            let (from, to) = (format!("fn {name}"), format!("fn {name} {{ {returned} }}"));
            let line = line_of(&self.source.text, bytes(&signature.ident).start);
            self.note(Fault {
                kind: kinds::FUNCTION,
                form: Form::Begin,
                host: begin..begin,
                faulty: returned,
                from,
                to,
                line,
                ..self.nothing()
            });
        }
        visit::visit_block(self, block);
        self.within.pop();
    }

    fn method(&mut self, call: &ExprMethodCall) {
        let name = call.method.to_string();
        if let Some(other) = kinds::other_method(&name) {
            self.instead(kinds::METHOD, call, bytes(&call.method), other);
        }
        if kinds::BOUNDS.contains(&name.as_str()) {
            let from_receiver = bytes(&*call.receiver).end..bytes(call).end;
            self.instead(kinds::BOUND, call, from_receiver, "");
        }
        if name == "is_empty" {
            let begin = bytes(call).start;
            self.instead(kinds::SIGN, call, begin..begin, "!");
        }
        if kinds::ASKS.contains(&name.as_str())
            && let Some(Expr::Closure(closure)) = call.args.last()
        {
            self.condition(&closure.body, &["true", "false"]);
        }
    }

    /// Nothing of a quantity is a number as any other.
    fn zero(&mut self, path: &ExprPath) {
        let mut names: Vec<String> =
            path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 && names.pop().is_some_and(|last| last == "ZERO") {
            for other in ["1", "-1"] {
                let other = format!("{}({other})", names.join("::"));
                self.instead(kinds::NUMBER, path, bytes(path), &other);
            }
        }
    }

    fn literal(&mut self, literal: &syn::ExprLit) {
        match &literal.lit {
            Lit::Int(number) => {
                let Ok(value) = number.base10_parse::<i128>() else { return };
                for other in [value + 1, value - 1] {
                    let other = format!("{other}{}", number.suffix());
                    self.instead(kinds::NUMBER, literal, bytes(literal), &other);
                }
            }
            Lit::Bool(truth) => {
                let other = if truth.value { "false" } else { "true" };
                self.instead(kinds::TRUTH, literal, bytes(literal), other);
            }
            _ => {}
        }
    }
}

/// Whether a condition takes something apart: that is no value that could be another one.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(ExprBinary { left, op: BinOp::And(_), right, .. }) => {
            has_let(left) || has_let(right)
        }
        _ => false,
    }
}

/// The parts of a condition that are values.
fn values<'e>(condition: &'e Expr, all: &mut Vec<&'e Expr>) {
    match condition {
        Expr::Let(_) => {}
        Expr::Binary(ExprBinary { left, op: BinOp::And(_), right, .. }) if has_let(condition) => {
            values(left, all);
            values(right, all);
        }
        _ => all.push(condition),
    }
}

/// Whether a statement does something that could be left out.
fn can_go(expression: &Expr) -> bool {
    match expression {
        Expr::MethodCall(_)
        | Expr::Call(_)
        | Expr::Assign(_)
        | Expr::Return(_)
        | Expr::Continue(_)
        | Expr::Break(_) => true,
        Expr::Binary(binary) => kinds::is_assignment(&binary.op),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        let name = block.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        let is_meant =
            name.is_none_or(|name| !NOT_MEANT.contains(&name.ident.to_string().as_str()));
        if is_meant && !is_for_tests(&block.attrs) {
            visit::visit_item_impl(self, block);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.attrs, &function.sig, &function.block);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.attrs, &function.sig, &function.block);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(block) = &function.default {
            self.function(&function.attrs, &function.sig, block);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Expr(expression, Some(_)) = statement
            && can_go(expression)
        {
            let at = bytes(statement);
            self.found(kinds::STATEMENT, Form::Statement, at.clone(), &Edit { at, with: "" });
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if let Some((_, guard)) = &arm.guard {
            let mut all = Vec::new();
            values(guard, &mut all);
            all.iter().for_each(|guard| self.condition(guard, &["true", "false"]));
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_if(&mut self, branch: &'ast ExprIf) {
        let mut all = Vec::new();
        values(&branch.cond, &mut all);
        all.iter().for_each(|condition| self.condition(condition, &["true", "false"]));
        visit::visit_expr_if(self, branch);
    }

    fn visit_expr_while(&mut self, round: &'ast ExprWhile) {
        if !has_let(&round.cond) {
            self.condition(&round.cond, &["false"]);
        }
        visit::visit_expr_while(self, round);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        let chained = has_let(&binary.left) || has_let(&binary.right);
        if !chained {
            for (kind, other) in kinds::instead_of(&binary.op) {
                self.instead(kind, binary, bytes(&binary.op), other);
            }
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        if matches!(unary.op, UnOp::Not(_) | UnOp::Neg(_)) {
            self.instead(kinds::SIGN, unary, bytes(&unary.op), "");
        }
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.method(call);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = call.func.as_ref()
            && path.path.is_ident("Some")
        {
            self.instead(kinds::NOTHING, call, bytes(call), "None");
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.zero(path);
    }

    fn visit_expr_lit(&mut self, literal: &'ast syn::ExprLit) {
        self.literal(literal);
    }

    fn visit_expr_macro(&mut self, call: &'ast syn::ExprMacro) {
        if call.mac.path.is_ident("matches") {
            let begin = bytes(call).start;
            self.instead(kinds::SIGN, call, begin..begin, "!");
        }
    }

    // How many there are is a matter of types.
    fn visit_expr_repeat(&mut self, list: &'ast ExprRepeat) {
        self.visit_expr(&list.expr);
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_pat(&mut self, _: &'ast Pat) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_generic_argument(&mut self, _: &'ast GenericArgument) {}
    fn visit_item_const(&mut self, _: &'ast ItemConst) {}
    fn visit_item_static(&mut self, _: &'ast ItemStatic) {}
    fn visit_impl_item_const(&mut self, _: &'ast ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast TraitItemConst) {}
    fn visit_macro(&mut self, _: &'ast syn::Macro) {}
}
