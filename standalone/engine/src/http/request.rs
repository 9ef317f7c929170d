//! Owns what a request says: URL and form parameters, headers, settings. It turns them into a
//! [`Prepared`] statement and must not run it.

use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart};
use axum::http::Method;
use axum::http::request::Parts;

use super::Shared;
use super::auth::Role;
use super::body::{self, RequestBody};
use super::frames;
use crate::error::{DbError, code};
use crate::guard::Asker;
use crate::native::Revision;

/// Parameters of the interface that are no settings and mean nothing to an embedded engine: sessions
/// last for one statement, roles and quotas do not exist, `Accept-Encoding` is met by no encoding.
const IGNORED: &[&str] = &[
    "session_id",
    "session_timeout",
    "session_check",
    "quota_key",
    "role",
    "stacktrace",
    "buffer_size",
    "wait_end_of_query",
    "enable_http_compression",
    "close_session",
];

/// Settings that the session has for itself: who may do what is not a client's choice.
const OURS: &[&str] = &["log_comment", "profile", "readonly"];
/// Parameters and settings of one request, and the bytes of all of them.
const NAMES_MAX: usize = 256;
const FORM_BYTES_MAX: usize = 1 << 20;

/// A request's words, before they are judged.
#[derive(Default)]
pub(super) struct Call {
    pub(super) query: String,
    pub(super) query_id: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    database: Option<String>,
    default_format: Option<String>,
    parameters: Vec<(String, String)>,
    settings: Vec<(String, String)>,
    protocol: String,
    read_only: bool,
    /// The answer goes in frames of ClickHouse's own, errors too.
    pub(super) framed: bool,
    /// So does the body come.
    body_framed: bool,
}

/// A statement that is ready to run.
pub(super) struct Prepared {
    /// SQL that sets the session up, run one after the other before the statement.
    pub(super) session: Vec<String>,
    /// What the URL or form gave of the statement; the body follows it.
    pub(super) query: String,
    pub(super) default_format: Option<String>,
    pub(super) parameters: Vec<(String, String)>,
    /// For whom Native is written.
    pub(super) revision: Option<Revision>,
    /// Whether the answer goes in frames.
    pub(super) framed: bool,
    /// What the statement can be cancelled by.
    pub(super) tag: String,
    pub(super) asker: Asker,
}

impl Call {
    pub(super) fn from_parts(parts: &Parts) -> Self {
        let mut call = Self {
            read_only: matches!(parts.method, Method::GET | Method::HEAD),
            ..Self::default()
        };
        let header = |name: &str| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        call.database = header("x-clickhouse-database");
        call.default_format = header("x-clickhouse-format");
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            call.take(&name, value.into_owned());
        }
        if call.query_id.is_empty() {
            call.query_id = uuid::Uuid::new_v4().to_string();
        }
        call
    }

    fn take(&mut self, name: &str, value: String) {
        match name {
            "query" => self.query = value,
            "query_id" => self.query_id = value,
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "database" => self.database = Some(value),
            "default_format" => self.default_format = Some(value),
            "client_protocol_version" => self.protocol = value,
            "compress" => self.framed = value == "1",
            "decompress" => self.body_framed = value == "1",
            _ if IGNORED.contains(&name) => {}
            _ => match name.strip_prefix("param_") {
                Some(parameter) => self.parameters.push((parameter.to_owned(), value)),
                None => self.settings.push((name.to_owned(), value)),
            },
        }
    }

    /// Takes the body: a multipart form is read whole here, anything else is left to be streamed.
    pub(super) async fn take_body(
        &mut self,
        parts: &Parts,
        body: Body,
        role: Role,
        shared: &Shared,
    ) -> Result<Option<RequestBody>, DbError> {
        let header = |name: &str| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
        };
        if !header("content-type").starts_with("multipart/form-data") {
            let body = body::spawn(body, header("content-encoding"), shared)?;
            return Ok(Some(if self.body_framed { frames::unframed(body, role) } else { body }));
        }
        let request = axum::http::Request::from_parts(parts.clone(), body);
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|error| bad_form(&error.body_text()))?;
        let (mut bytes, mut fields) = (0, 0);
        while let Some(field) =
            form.next_field().await.map_err(|error| bad_form(&error.body_text()))?
        {
            let name = field.name().unwrap_or_default().to_owned();
            let value = field.text().await.map_err(|error| bad_form(&error.body_text()))?;
            (bytes, fields) = (bytes + name.len() + value.len(), fields + 1);
            if bytes > FORM_BYTES_MAX || fields > NAMES_MAX {
                let text = format!("more than {FORM_BYTES_MAX} bytes or {NAMES_MAX} parts");
                return Err(bad_form(&text));
            }
            self.take(&name, value);
        }
        Ok(None)
    }

    /// Judges the settings and puts the statement together.
    pub(super) fn prepare(self, role: Role) -> Result<Prepared, DbError> {
        if self.parameters.len() + self.settings.len() > NAMES_MAX {
            return Err(bad_form(&format!("more than {NAMES_MAX} parameters and settings")));
        }
        let revision =
            if self.protocol.is_empty() { None } else { Revision::named(&self.protocol)? };
        let tag = uuid::Uuid::new_v4().to_string();
        let mut settings = vec![("log_comment".to_owned(), tag.clone())];
        // A client that asks to be held to reading already is, or has no say in it.
        settings
            .extend(self.settings.into_iter().filter(|(name, _)| !OURS.contains(&name.as_str())));
        let mut session = vec![set(&settings)?];
        // Each session begins in `default`, which many clients name although they mean nothing by it.
        let named = |database: &String| !database.is_empty() && database != "default";
        if let Some(database) = self.database.filter(named) {
            session.push(format!("USE {}", quoted(&database, '`')));
        }
        Ok(Prepared {
            session,
            query: self.query,
            default_format: self.default_format,
            parameters: self.parameters,
            revision,
            framed: self.framed,
            tag,
            asker: Asker { writer: role == Role::Writer, reads_only: self.read_only },
        })
    }
}

fn bad_form(text: &str) -> DbError {
    DbError::new(code::BAD_ARGUMENTS, "BAD_ARGUMENTS", &format!("Cannot read the form: {text}"))
}

fn set(settings: &[(String, String)]) -> Result<String, DbError> {
    let mut sql = String::from("SET ");
    for (index, (name, value)) in settings.iter().enumerate() {
        let known = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        if !known {
            return Err(DbError::new(
                code::UNKNOWN_SETTING,
                "UNKNOWN_SETTING",
                &format!("Unknown setting '{name}'"),
            ));
        }
        if index > 0 {
            sql.push_str(", ");
        }
        sql.push_str(name);
        sql.push_str(" = ");
        sql.push_str(&quoted(value, '\''));
    }
    Ok(sql)
}

fn quoted(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for char in text.chars() {
        if char == quote || char == '\\' {
            out.push('\\');
        }
        out.push(char);
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sql::{self, Word};

    fn call(query: &str) -> Call {
        let request = axum::http::Request::builder().uri(format!("/?{query}")).body(());
        Call::from_parts(&request.expect("a request").into_parts().0)
    }

    fn form(pairs: &[(String, String)]) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    proptest! {
        /// Whatever a client names and sets, the session runs one SET of names and literals, and one USE of a name.
        #[test]
        fn no_setting_and_no_name_becomes_sql(
            pairs in prop::collection::vec(("[a-z_.'`; ]{0,12}|\\PC{0,8}", "\\PC{0,20}|['\\\\; ]{0,9}"), 0..6),
            database in "\\PC{0,12}|[`\\\\;. ]{0,9}",
        ) {
            let mut call = call(&form(&pairs));
            call.database = Some(database.clone());
            let Ok(prepared) = call.prepare(Role::Analyst) else { return Ok(()) };
            let words: Vec<Word> = sql::words(prepared.session[0].as_bytes()).collect();
            prop_assert_eq!(&words[0], &Word::Name("SET".into()));
            let allowed = |word: &Word| matches!(word, Word::Name(_) | Word::Text | Word::Other("=" | "," | "."));
            prop_assert!(words.iter().all(allowed), "{:?}", prepared.session);
            if let Some(text) = prepared.session.get(1) {
                let words: Vec<Word> = sql::words(text.as_bytes()).collect();
                prop_assert_eq!(words.len(), 2, "{}", text);
            }
        }

        /// Any query string is read, and says nothing about who asks.
        #[test]
        fn any_query_string_is_read(query in "[!-~&&[^#]]{0,200}") {
            let Ok(uri) = format!("/?{query}").parse::<axum::http::Uri>() else { return Ok(()) };
            let request = axum::http::Request::builder().uri(uri).body(()).expect("a request");
            let call = Call::from_parts(&request.into_parts().0);
            prop_assert!(!call.query_id.is_empty());
            if let Ok(prepared) = call.prepare(Role::Analyst) {
                prop_assert!(!prepared.asker.writer && prepared.asker.reads_only);
            }
        }
    }
}
