//! The word of an enum as the log writes it, without a copy of it.

use std::fmt::{Display, Error};

use serde::ser::{Impossible, Serialize, Serializer};

/// The word of a variant that holds nothing.
///
/// # Panics
/// Of anything else: records have no such columns.
pub(super) fn word<T: Serialize>(value: &T) -> &'static str {
    value.serialize(Word).expect("a variant that holds nothing")
}

struct Word;

type Never = Impossible<&'static str, Error>;

macro_rules! no_words {
    ($($method:ident($($type:ty),*)),+ $(,)?) => {
        $(fn $method(self, $(_: $type),*) -> Result<&'static str, Error> { Err(Error) })+
    };
}

macro_rules! nothing_within {
    ($($method:ident($($type:ty),*)),+ $(,)?) => {
        $(fn $method(self, $(_: $type),*) -> Result<Never, Error> { Err(Error) })+
    };
}

impl Serializer for Word {
    type Ok = &'static str;
    type Error = Error;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<&'static str, Error> {
        Ok(variant)
    }

    no_words! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_none(), serialize_unit(), serialize_unit_struct(&'static str),
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<&'static str, Error> {
        Err(Error)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<&'static str, Error> {
        Err(Error)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<&'static str, Error> {
        Err(Error)
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<&'static str, Error> {
        Err(Error)
    }

    nothing_within! {
        serialize_seq(Option<usize>), serialize_tuple(usize), serialize_tuple_struct(&'static str, usize),
        serialize_tuple_variant(&'static str, u32, &'static str, usize), serialize_map(Option<usize>),
        serialize_struct(&'static str, usize), serialize_struct_variant(&'static str, u32, &'static str, usize),
    }
}

#[cfg(test)]
mod tests {
    use schemas::records::decision::Trigger;
    use schemas::records::telemetry::DeviceType;

    use super::*;

    #[test]
    fn words_are_those_of_the_log() {
        assert_eq!(word(&Trigger::Overload), "OVERLOAD");
        for device_type in DeviceType::ALL {
            let of_log = serde_json::to_value(device_type).expect("a word");
            assert_eq!(of_log, word(&device_type));
        }
    }
}
