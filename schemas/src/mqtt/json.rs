//! Reads bytes as JSON in which no object has a key twice: where it has, readers differ in which of the two counts, and
//! the sender has said two things at once.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why bytes are no such JSON.
#[derive(Debug)]
pub(super) enum NoJson {
    /// No JSON at all.
    Syntax(serde_json::Error),
    /// The path of a key that stands twice in its object.
    Repeated(String),
}

/// One document, nothing after it.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, NoJson> {
    let repeated = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let top = At { above: None, name: "", repeated: &repeated };
    let value = top.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match (value, repeated.into_inner()) {
        (_, Some(path)) => Err(NoJson::Repeated(path)),
        (Ok(value), None) => Ok(value),
        (Err(error), None) => Err(NoJson::Syntax(error)),
    }
}

/// A place in the document, on the stack of whoever reads it.
#[derive(Clone, Copy)]
struct At<'a> {
    above: Option<&'a At<'a>>,
    name: &'a str,
    repeated: &'a RefCell<Option<String>>,
}

impl At<'_> {
    fn path(&self, last: &str) -> String {
        let mut names = vec![last];
        let mut at = Some(self);
        while let Some(place) = at {
            if !place.name.is_empty() {
                names.push(place.name);
            }
            at = place.above;
        }
        names.reverse();
        names.join(".")
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) =
            items.next_element_seed(At { above: Some(&self), name: "", ..self })?
        {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                *self.repeated.borrow_mut() = Some(self.path(&key));
                return Err(A::Error::custom("a key stands twice"));
            }
            let at = At { above: Some(&self), name: &key, ..self };
            let value = entries.next_value_seed(at)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_the_library_reads() {
        for text in [
            "null",
            "[1, -2, 3.5, 1e300, 18446744073709551615, true, \"a\\u00e9\", [], {}]",
            r#"{"a": {"b": [{"c": 1}, {"c": 2}]}, "d": null}"#,
        ] {
            let expected: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(parse(text.as_bytes()).expect("JSON"), expected);
        }
        for text in ["", "{", "{}{}", "{} \0", "\u{feff}{}", "[1,]", "NaN", "1e999", "01"] {
            assert!(matches!(parse(text.as_bytes()), Err(NoJson::Syntax(_))), "{text:?}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named_with_its_path() {
        for (text, path) in [
            (r#"{"a": 1, "a": 1}"#, "a"),
            (r#"{"p": {"r": {"kw": 1, "x": 2, "kw": 3}}}"#, "p.r.kw"),
            (r#"{"p": [0, {"b": 1, "\u0062": 2}]}"#, "p.b"),
            (r#"{"a": 1, "a": "#, "a"),
        ] {
            match parse(text.as_bytes()) {
                Err(NoJson::Repeated(found)) => assert_eq!(found, path),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
