//! A row and its values as serde says them, put into the columns that they belong to.

use serde::ser::{self, Impossible, Serialize, SerializeSeq, SerializeStruct, SerializeTuple};

use super::{Column, Kind, Misfit, put_bytes};

/// Takes a row: a value for each column, in their order.
pub(super) struct Filler<'c>(pub(super) &'c mut [Column]);

pub(super) struct Fields<'c> {
    left: std::slice::IterMut<'c, Column>,
}

impl SerializeStruct for Fields<'_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Misfit> {
        let column = self.left.next().ok_or(Misfit::Missing(name))?;
        value.serialize(Value { column, known: false })
    }

    fn end(self) -> Result<(), Misfit> {
        Ok(())
    }
}

/// Takes one value into its column.
struct Value<'c> {
    column: &'c mut Column,
    /// Whether it has been said that it is there.
    known: bool,
}

impl<'c> Value<'c> {
    /// Says that it is there, where it could be absent.
    fn there(self) -> &'c mut Column {
        if self.column.of.nullable && !self.column.of.words && !self.known {
            self.column.beside.push(0);
        }
        self.column
    }
}

/// The two halves of an id, or the texts of an array.
struct Parts<'c>(&'c mut Column);

impl SerializeTuple for Parts<'_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        value.serialize(Value { column: self.0, known: true })
    }

    fn end(self) -> Result<(), Misfit> {
        Ok(())
    }
}

impl SerializeSeq for Parts<'_> {
    type Ok = ();
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.0.texts += 1;
        value.serialize(Value { column: self.0, known: true })
    }

    fn end(self) -> Result<(), Misfit> {
        self.0.beside.extend_from_slice(&self.0.texts.to_le_bytes());
        Ok(())
    }
}

type Never = Impossible<(), Misfit>;

macro_rules! refused {
    ($($method:ident($($type:ty),*) -> $into:ty),+ $(,)?) => {
        $(fn $method(self, $(_: $type),*) -> Result<$into, Misfit> {
            Err(Misfit::Other(concat!(stringify!($method), ": no column takes it").to_owned()))
        })+
    };
}

impl<'c> ser::Serializer for Value<'c> {
    type Ok = ();
    type Error = Misfit;
    type SerializeSeq = Parts<'c>;
    type SerializeTuple = Parts<'c>;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_bool(self, value: bool) -> Result<(), Misfit> {
        self.there().put(Kind::Bool, "a truth value", &[u8::from(value)])
    }

    fn serialize_i32(self, value: i32) -> Result<(), Misfit> {
        self.there().put(Kind::Int, "four bytes", &value.to_le_bytes())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Misfit> {
        self.there().put(Kind::Long, "eight bytes", &value.to_le_bytes())
    }

    /// Half of an id.
    fn serialize_u64(self, value: u64) -> Result<(), Misfit> {
        self.there().put(Kind::Uuid, "an id", &value.to_le_bytes())
    }

    fn serialize_str(self, value: &str) -> Result<(), Misfit> {
        if self.known && self.column.of.kind == Kind::Texts {
            put_bytes(&mut self.column.bytes, value.as_bytes());
            return Ok(());
        }
        self.there().put_text(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Misfit> {
        self.there().put_text(value)
    }

    fn serialize_none(self) -> Result<(), Misfit> {
        self.column.none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Misfit> {
        value.serialize(Value { column: self.there(), known: true })
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'c>, Misfit> {
        let column = self.there();
        column.expect(Kind::Texts, "an array")?;
        Ok(Parts(column))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'c>, Misfit> {
        let column = self.there();
        column.expect(Kind::Uuid, "an id")?;
        Ok(Parts(column))
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    refused! {
        serialize_i8(i8) -> (), serialize_i16(i16) -> (), serialize_u8(u8) -> (), serialize_u16(u16) -> (),
        serialize_u32(u32) -> (), serialize_f32(f32) -> (), serialize_f64(f64) -> (), serialize_char(char) -> (),
        serialize_unit() -> (), serialize_unit_struct(&'static str) -> (),
        serialize_unit_variant(&'static str, u32, &'static str) -> (),
        serialize_tuple_struct(&'static str, usize) -> Never,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never,
        serialize_map(Option<usize>) -> Never,
        serialize_struct(&'static str, usize) -> Never,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never,
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Misfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Misfit> {
        Err(Misfit::Other("serialize_newtype_variant: no column takes it".to_owned()))
    }
}

impl<'c> ser::Serializer for Filler<'c> {
    type Ok = ();
    type Error = Misfit;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Fields<'c>;
    type SerializeStructVariant = Never;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'c>, Misfit> {
        Ok(Fields { left: self.0.iter_mut() })
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    refused! {
        serialize_bool(bool) -> (), serialize_i8(i8) -> (), serialize_i16(i16) -> (), serialize_i32(i32) -> (),
        serialize_i64(i64) -> (), serialize_u8(u8) -> (), serialize_u16(u16) -> (), serialize_u32(u32) -> (),
        serialize_u64(u64) -> (), serialize_f32(f32) -> (), serialize_f64(f64) -> (), serialize_char(char) -> (),
        serialize_str(&str) -> (), serialize_bytes(&[u8]) -> (), serialize_none() -> (), serialize_unit() -> (),
        serialize_unit_struct(&'static str) -> (), serialize_unit_variant(&'static str, u32, &'static str) -> (),
        serialize_seq(Option<usize>) -> Never, serialize_tuple(usize) -> Never,
        serialize_tuple_struct(&'static str, usize) -> Never,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never,
        serialize_map(Option<usize>) -> Never,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never,
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Misfit> {
        Err(Misfit::Other("a row is a struct".to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Misfit> {
        Err(Misfit::Other("a row is a struct".to_owned()))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Misfit> {
        Err(Misfit::Other("a row is a struct".to_owned()))
    }
}
