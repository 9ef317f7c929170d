//! The built dashboard: its files, and its page for every path that the page itself routes.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;
use tower_http::services::ServeDir;

use super::{ApiError, App};

const INDEX: &str = "/index.html";
/// Where the build puts files whose names carry a hash of their content.
const HASHED: &str = "/assets/";
/// Pages that end in a device's id, which may hold dots as a file's name does.
const DEVICE_PAGES: &str = "/devices/";
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Folders above the program or the working folder that are searched for a build.
const LEVELS: usize = 5;

/// Where the built dashboard is, if it is.
#[derive(Debug)]
pub(crate) struct Dashboard {
    files: Option<ServeDir>,
}

impl Dashboard {
    /// The folder that is set; else `frontend/dist` (or `dashboard`) beside or above the program or the working folder.
    pub(crate) fn find(set: Option<&Path>) -> Self {
        let found = match set {
            Some(folder) => Some(folder.to_path_buf()),
            None => candidates().into_iter().find(|folder| is_built(folder)),
        };
        match &found {
            Some(folder) if is_built(folder) => {
                tracing::info!(folder = %folder.display(), "serving the dashboard");
            }
            Some(folder) => tracing::warn!(
                folder = %folder.display(),
                "DERMS_DASHBOARD_DIR holds no index.html; the dashboard is not served until it does"
            ),
            None => tracing::warn!(
                "no built dashboard found; build frontend/ or set DERMS_DASHBOARD_DIR"
            ),
        }
        Self { files: found.map(ServeDir::new) }
    }
}

fn is_built(folder: &Path) -> bool {
    folder.join("index.html").is_file()
}

fn candidates() -> Vec<PathBuf> {
    let program = std::env::current_exe().ok();
    let working = std::env::current_dir().ok();
    [program.as_deref().and_then(Path::parent), working.as_deref()]
        .into_iter()
        .flatten()
        .flat_map(|start| start.ancestors().take(LEVELS))
        .flat_map(|folder| [folder.join("frontend/dist"), folder.join("dashboard")])
        .collect()
}

/// Serves a file, or the page.
pub(super) async fn serve(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let is_api = path == "/graphql" || path.starts_with("/graphql/") || path.starts_with("/api/");
    if is_api {
        return ApiError::new(StatusCode::NOT_FOUND, format!("there is no {path}")).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{} is not accepted here", request.method()),
        )
        .into_response();
    }
    let Some(files) = &app.dashboard.files else {
        return not_built();
    };
    let (parts, _) = request.into_parts();
    let found = fetch(files, Request::from_parts(parts.clone(), Body::empty())).await;
    let is_route = found.status() == StatusCode::NOT_FOUND
        && (path.starts_with(DEVICE_PAGES)
            || !path.rsplit('/').next().unwrap_or_default().contains('.'));
    let (mut response, is_hashed) = if is_route {
        let mut parts = parts;
        parts.uri = Uri::from_static(INDEX);
        let page = fetch(files, Request::from_parts(parts, Body::empty())).await;
        (page, false)
    } else {
        (found, path.starts_with(HASHED))
    };
    if response.status() == StatusCode::NOT_FOUND {
        return if is_route {
            not_built()
        } else {
            ApiError::new(StatusCode::NOT_FOUND, format!("there is no {path}")).into_response()
        };
    }
    let caching = if is_hashed { FOR_EVER } else { ASK_AGAIN };
    response.headers_mut().insert(CACHE_CONTROL, caching);
    response
}

async fn fetch(files: &ServeDir, request: Request) -> Response {
    // Infallible: what goes wrong with a file has become a status.
    files
        .clone()
        .oneshot(request)
        .await
        .map_or_else(|never| match never {}, IntoResponse::into_response)
}

fn not_built() -> Response {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mini-DERMS</title>\
        <h1>The dashboard is not built</h1><p>Build it with <code>make dashboard</code>, or set \
        <code>DERMS_DASHBOARD_DIR</code> to a folder that holds its <code>index.html</code>. \
        The API is at <code>/graphql</code>.</p></html>";
    (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}
