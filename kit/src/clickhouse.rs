//! How a service reaches ClickHouse: over `http://`, or over `https://` with the machine's authorities or one of its own.
//! [`rows`] and [`tables`] hold what everybody who writes history shares.

mod native;
pub mod rows;
pub mod tables;
mod word;

use std::error::Error;
use std::io;
use std::iter::successors;
use std::path::Path;

use clickhouse::Client;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;

use crate::outgoing;

const CA_SETTING: &str = "DERMS_CLICKHOUSE_CA_PATH";

/// A client for a URL. The server's certificate is always checked: against `authority`, a PEM file, or the machine's own.
///
/// # Errors
/// When there is no authority to check against, or one is named for a plain connection.
pub fn client(url: &str, authority: Option<&Path>) -> anyhow::Result<Client> {
    let client = if is_https(url) {
        let config = outgoing::tls(authority, CA_SETTING)?;
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .build();
        Client::with_http_client(HttpClient::builder(TokioExecutor::new()).build(connector))
    } else {
        anyhow::ensure!(
            authority.is_none(),
            "{CA_SETTING} is set, but DERMS_CLICKHOUSE_URL does not begin with https://: no plain connection is made where TLS is meant"
        );
        Client::default()
    };
    Ok(client.with_url(url))
}

fn is_https(url: &str) -> bool {
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

/// Why a request failed, down to its first cause; of a certificate that is not accepted, with what to do.
#[must_use]
pub fn why(error: &(dyn Error + 'static)) -> String {
    if let Some(rustls::Error::InvalidCertificate(fault)) = chain(error).find_map(of_tls) {
        return format!(
            "its certificate is not accepted ({fault:?}): set {CA_SETTING} to the authority that signed it, and DERMS_CLICKHOUSE_URL to a name that it is for"
        );
    }
    causes(error)
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    successors(Some(error), |&error| error.source())
}

/// An error down to its first cause, as one line.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = chain(error).map(|cause| cause.to_string()).collect();
    // Some say their cause themselves.
    words.dedup_by(|cause, before| before.contains(cause.as_str()));
    words.join(": ")
}

/// What rustls says, also where it is wrapped as input and output, and that once more.
fn of_tls<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    cause
        .downcast_ref::<rustls::Error>()
        .or_else(|| of_tls(cause.downcast_ref::<io::Error>()?.get_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(url: &str, authority: &str, word: &str) {
        let error = client(url, Some(Path::new(authority))).expect_err("refused");
        let error = format!("{error:#}");
        assert!(error.contains(word) && error.contains(CA_SETTING), "{error}");
    }

    #[test]
    fn an_authority_that_cannot_be_used_stops_the_start() {
        refused("https://localhost", "/nowhere/ca.pem", "/nowhere/ca.pem");
        refused("HTTPS://localhost", "/dev/null", "no certificate");
        refused("http://localhost", "/dev/null", "https://");
    }

    #[test]
    fn a_failure_says_each_of_its_causes_once_and_a_certificate_what_to_do() {
        use clickhouse::error::Error as Failure;
        let refused = io::Error::other("refused");
        assert_eq!(why(&Failure::Network(Box::new(refused))), "network error: refused");
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let tls = Failure::Network(Box::new(io::Error::other(io::Error::other(tls))));
        assert!(why(&tls).contains("(Expired)") && why(&tls).contains(CA_SETTING), "{}", why(&tls));
    }
}
