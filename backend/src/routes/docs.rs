//! The API's description, for programs (`/api/openapi.json`) and for people (`/api/docs`).
//!
//! The page is made here, once, from the same description: plain HTML and one style file, which is
//! all that our content security policy lets through.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use shared::wire::{Problem, ProblemKind};
use utoipa::openapi::OpenApi as Description;

use super::respond;

/// What stands at the head of the description.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Foolscap's HTTP API",
        description = "Prices, markets, candles and gas for a paper-trading desk. \
                       Decimals, token amounts and wei travel as strings, exactly; times are RFC 3339 in UTC. \
                       Errors are `application/problem+json` (RFC 9457)."
    ),
    components(schemas(Problem)),
    tags(
        (name = "Prices", description = "What tokens cost, and what trading them would."),
        (name = "Tokens", description = "Which chains and tokens there are."),
        (name = "Accounts", description = "Copies of journals, who writes to them, and who may read. For whoever has the token."),
        (name = "Rooms", description = "What is told in the room of a paper account. It is read over the socket."),
        (name = "Transactions", description = "Swaps on real chains. All of it is the operator's."),
        (name = "Server", description = "How the server is."),
    )
)]
pub struct Header;

/// The description in both forms.
#[derive(Debug, Clone)]
pub struct Pages {
    description: Arc<Value>,
    html: Arc<str>,
}

impl Pages {
    /// Both forms of a description.
    pub fn of(description: Description) -> Pages {
        // A description is plain data: it always becomes JSON.
        let description = serde_json::to_value(description).unwrap_or_default();
        Pages { html: render(&description).into(), description: Arc::new(description) }
    }
}

/// The description for programs.
pub async fn openapi_json(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    respond::tagged(&headers, &*pages.description)
}

/// The description for people.
pub async fn page(State(pages): State<Pages>) -> Response {
    file("text/html; charset=utf-8", pages.html.to_string())
}

/// The page's style.
pub async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("docs.css").to_owned())
}

fn file(content_type: &'static str, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), text).into_response()
}

fn render(description: &Value) -> String {
    let mut page = Page(String::new());
    page.head(description);
    for tag in each(&description["tags"]) {
        page.tag(tag, description);
    }
    page.problems();
    page.schemas(&description["components"]["schemas"]);
    page.0.push_str("</main>\n</body>\n</html>\n");
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, html: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = self.0.write_fmt(html);
        self.0.push('\n');
    }

    fn head(&mut self, description: &Value) {
        let info = &description["info"];
        let title = escape(text(&info["title"]));
        self.line(format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <link rel=\"stylesheet\" href=\"/api/docs.css\">\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
             <p class=\"quiet\">Version {}</p>",
            escape(text(&info["version"]))
        ));
        self.prose(text(&info["description"]));
        self.line(format_args!(
            "<p>For programs: <a href=\"/api/openapi.json\">openapi.json</a>. Back to <a href=\"/\">the desk</a>.</p>\n\
             <nav aria-label=\"Contents\"><ul>"
        ));
        for (path, _) in entries(&description["paths"]) {
            self.line(format_args!("<li><a href=\"#{}\"><code>{}</code></a></li>", anchor(path), escape(path)));
        }
        self.line(format_args!(
            "<li><a href=\"#problems\">Problems</a></li>\n<li><a href=\"#bodies\">Bodies</a></li>\n</ul></nav>"
        ));
    }

    fn tag(&mut self, tag: &Value, description: &Value) {
        let name = text(&tag["name"]);
        self.line(format_args!("<h2>{}</h2>", escape(name)));
        self.prose(text(&tag["description"]));
        for (path, item) in entries(&description["paths"]) {
            for (method, operation) in entries(item) {
                if each(&operation["tags"]).any(|tag| tag == name) {
                    self.operation(path, method, operation);
                }
            }
        }
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        self.line(format_args!("<h3 id=\"{}\">{} {}</h3>", anchor(path), method.to_uppercase(), escape(path)));
        self.prose(text(&operation["summary"]));
        self.prose(text(&operation["description"]));
        let mut parameters = each(&operation["parameters"]).peekable();
        if parameters.peek().is_some() {
            self.table("Parameters", &["Name", "What it is", "Example"]);
            for parameter in parameters {
                let must = if parameter["required"] == true { " <span class=\"quiet\">required</span>" } else { "" };
                let example = match &parameter["example"] {
                    Value::Null => String::new(),
                    Value::String(text) => code(text),
                    other => code(&other.to_string()),
                };
                self.line(format_args!(
                    "<tr><td>{}{must}</td><td>{}</td><td>{example}</td></tr>",
                    code(text(&parameter["name"])),
                    ticks(text(&parameter["description"])),
                ));
            }
            self.end_table();
        }
        self.table("Answers", &["Status", "Body", "When"]);
        for (status, answer) in entries(&operation["responses"]) {
            let bodies = entries(&answer["content"]).map(|(_, content)| type_of(&content["schema"]));
            self.line(format_args!(
                "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(status),
                bodies.collect::<Vec<_>>().join(" or "),
                ticks(text(&answer["description"])),
            ));
        }
        self.end_table();
    }

    fn problems(&mut self) {
        self.line(format_args!("<h2 id=\"problems\">Problems</h2>"));
        self.prose("The `type` of a problem leads to its line here.");
        self.table("Kinds", &["Status", "Type", "Title"]);
        for kind in ProblemKind::ALL {
            self.line(format_args!(
                "<tr id=\"problem-{0}\"><td>{1}</td><td>{2}</td><td>{3}</td></tr>",
                kind.slug(),
                kind.status(),
                code(kind.slug()),
                escape(kind.title()),
            ));
        }
        self.end_table();
    }

    fn schemas(&mut self, schemas: &Value) {
        self.line(format_args!("<h2 id=\"bodies\">Bodies</h2>"));
        for (name, schema) in entries(schemas) {
            self.line(format_args!("<h3 id=\"body-{0}\">{0}</h3>", escape(name)));
            self.prose(text(&schema["description"]));
            let required: Vec<&str> = each(&schema["required"]).filter_map(Value::as_str).collect();
            let mut fields = entries(&schema["properties"]).peekable();
            if fields.peek().is_none() {
                self.line(format_args!("<p>{}</p>", type_of(schema)));
                continue;
            }
            self.table("Fields", &["Name", "Type", "What it is"]);
            for (field, schema) in fields {
                let absent = if required.contains(&field) { "" } else { " <span class=\"quiet\">may be absent</span>" };
                self.line(format_args!(
                    "<tr><td>{}{absent}</td><td>{}</td><td>{}</td></tr>",
                    code(field),
                    type_of(schema),
                    ticks(text(&schema["description"])),
                ));
            }
            self.end_table();
        }
    }

    fn prose(&mut self, words: &str) {
        for paragraph in words.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            self.line(format_args!("<p>{}</p>", ticks(paragraph)));
        }
    }

    fn table(&mut self, name: &str, columns: &[&str]) {
        let columns: String = columns.iter().map(|column| format!("<th scope=\"col\">{column}</th>")).collect();
        self.line(format_args!(
            "<h4>{name}</h4>\n<div class=\"scroll\"><table>\n<thead><tr>{columns}</tr></thead>\n<tbody>"
        ));
    }

    fn end_table(&mut self) {
        self.line(format_args!("</tbody>\n</table></div>"));
    }
}

/// A schema in a few words, with a link to the body it names.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or(reference));
        return format!("<a href=\"#body-{name}\">{name}</a>");
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        let parts: Vec<String> = each(&schema[several]).map(type_of).filter(|part| part != "null").collect();
        if !parts.is_empty() {
            return parts.join(" or ");
        }
    }
    let values: Vec<String> =
        each(&schema["enum"]).map(|value| code(value.as_str().unwrap_or(&value.to_string()))).collect();
    if !values.is_empty() {
        return values.join(", ");
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        kind => vec![text(kind)],
    };
    match kinds.as_slice() {
        ["array"] => format!("list of {}", type_of(&schema["items"])),
        kinds => escape(&kinds.join(" or ")),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn anchor(path: &str) -> String {
    path.trim_matches('/').replace('/', "-")
}

fn code(words: &str) -> String {
    format!("<code>{}</code>", escape(words))
}

/// Words with `code` in backticks.
fn ticks(words: &str) -> String {
    let pieces = words.split('`').enumerate();
    pieces.map(|(n, piece)| if n % 2 == 1 { code(piece) } else { escape(piece) }).collect()
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_path_problem_and_body_and_nothing_inline() {
        let description = crate::router::openapi();
        let json = serde_json::to_value(&description).unwrap();
        let pages = Pages::of(description);
        for (path, item) in entries(&json["paths"]) {
            for (method, _) in entries(item) {
                let heading = format!("<h3 id=\"{}\">{} {path}</h3>", anchor(path), method.to_uppercase());
                assert!(pages.html.contains(&heading), "{heading}");
            }
        }
        for kind in ProblemKind::ALL {
            assert!(pages.html.contains(&format!("id=\"problem-{}\"", kind.slug())));
        }
        for target in pages.html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(pages.html.contains(&format!("id=\"{target}\"")), "a link to nowhere: {target}");
        }
        assert!(!pages.html.contains("<script") && !pages.html.contains("<style") && !pages.html.contains(" style="));
    }

    #[test]
    fn words_of_others_are_escaped() {
        assert_eq!(ticks("a `<b>` & \"c\""), "a <code>&lt;b&gt;</code> &amp; &quot;c&quot;");
    }
}
