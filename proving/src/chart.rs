//! A feeder's day as an SVG, readable by day and by night: load, limit, what the plan allows, what is held. Knows numbers only.

use std::fmt::Write as _;

use crate::day::{FeederDay, Second};

const WIDTH: f64 = 900.0;
const PANEL: f64 = 230.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 22.0;
const TOP: f64 = 46.0;
/// Seconds that one point stands for: the highest load in it is drawn.
const POINT_S: usize = 60;

/// Panels, one below the other: a title and a day each.
#[must_use]
pub fn chart(feeder: &str, panels: &[(&str, &FeederDay)]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a few panels")]
    let height = TOP + panels.len() as f64 * (PANEL + 44.0) + 6.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{feeder}: 24 simulated hours\" font-family=\"sans-serif\" font-size=\"12\">\n{STYLE}\
         <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"ink\" x=\"{LEFT}\" y=\"20\" font-size=\"15\">{feeder}: 24 simulated hours, kW</text>\n{LEGEND}"
    );
    for (index, (title, day)) in panels.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a few panels")]
        let y = TOP + index as f64 * (PANEL + 44.0);
        panel(&mut svg, title, day, y);
    }
    svg.push_str("</svg>\n");
    svg
}

const STYLE: &str = "<style>
.page{fill:#fff}.ink{fill:#1f2933}.soft{fill:#6b7785}.grid{stroke:#e3e8ee}
.load{fill:#0f9d8a;fill-opacity:.22;stroke:#0f9d8a;stroke-width:1}.limit{fill:none;stroke:#d64545;stroke-width:1.6;stroke-dasharray:6 3}
.plan{fill:none;stroke:#3f6fd8;stroke-width:1}.held{fill:#d99a2b;fill-opacity:.55;stroke:none}
@media (prefers-color-scheme:dark){.page{fill:#10151b}.ink{fill:#e6ebf0}.soft{fill:#93a1af}.grid{stroke:#26303a}
.load{fill:#2cc7b0;stroke:#2cc7b0}.limit{stroke:#ff7b7b}.plan{stroke:#82a8ff}.held{fill:#f0b955}}
</style>
";

const LEGEND: &str = "<g transform=\"translate(430 10)\"><rect class=\"load\" width=\"14\" height=\"10\"/><text class=\"ink\" x=\"19\" y=\"10\">load</text>\
<path class=\"limit\" d=\"M70 6h24\"/><text class=\"ink\" x=\"99\" y=\"10\">limit</text>\
<path class=\"plan\" d=\"M145 6h24\"/><text class=\"ink\" x=\"174\" y=\"10\">allotted and uncommanded</text>\
<rect class=\"held\" x=\"335\" width=\"14\" height=\"10\"/><text class=\"ink\" x=\"354\" y=\"10\">reserve held</text></g>\n";

fn panel(svg: &mut String, title: &str, day: &FeederDay, y: f64) {
    let points: Vec<Second> = day.seconds.chunks(POINT_S).map(worst).collect();
    // What is set aside before anybody has been heard may be far above the limit: it leaves the page.
    let most = points.iter().map(|p| p.load_w.max(p.limit_w)).max().unwrap_or(1);
    let top_kw = (most / 50_000 + 1) * 50;
    let scale = Scale { y: y + 18.0, top_kw };
    let said = format!(
        "{title}: {} s above the limit, {} s of them without a cause in ramps and delays; {} changed setpoints; cars {} kWh",
        day.over_s,
        day.over_without_cause_s,
        day.changes,
        day.charged_ws / 3_600_000
    );
    let mut put = |text: String| svg.push_str(&text);
    put(format!("<text class=\"ink\" x=\"{LEFT}\" y=\"{:.0}\">{said}</text>\n", y + 8.0));
    for kw in (0..=top_kw).step_by(50) {
        let at = scale.y_of(kw * 1_000);
        put(format!(
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{}\"/><text class=\"soft\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{kw}</text>\n",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0
        ));
    }
    for hour in (0..=24).step_by(3) {
        let x = x_of(hour * 60, 1_440);
        put(format!(
            "<text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{hour:02}:00</text>\n",
            scale.y + PANEL + 14.0
        ));
    }
    let base = scale.y_of(0);
    put(format!(
        "<path class=\"load\" d=\"M{LEFT} {base:.1}{}V{base:.1}Z\"/>\n",
        line(&points, &scale, |p| p.load_w)
    ));
    put(format!(
        "<path class=\"held\" d=\"M{LEFT} {base:.1}{}V{base:.1}Z\"/>\n",
        line(&points, &scale, |p| p.reserved_w)
    ));
    put(format!(
        "<path class=\"plan\" d=\"{}\"/>\n",
        line(&points, &scale, |p| p.allotted_w).replacen('L', "M", 1)
    ));
    put(format!(
        "<path class=\"limit\" d=\"{}\"/>\n",
        line(&points, &scale, |p| p.limit_w).replacen('L', "M", 1)
    ));
}

struct Scale {
    y: f64,
    top_kw: i64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "watts of a feeder")]
    fn y_of(&self, watts: i64) -> f64 {
        let part = watts.clamp(0, self.top_kw * 1_000) as f64 / (self.top_kw * 1_000) as f64;
        self.y + PANEL * (1.0 - part)
    }
}

#[expect(clippy::cast_precision_loss, reason = "minutes of a day")]
fn x_of(minute: usize, minutes: usize) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * minute as f64 / minutes as f64
}

fn line(points: &[Second], scale: &Scale, of: impl Fn(&Second) -> i64) -> String {
    let mut path = String::new();
    for (minute, point) in points.iter().enumerate() {
        let (x, y) = (x_of(minute, points.len()), scale.y_of(of(point)));
        if write!(path, "L{x:.1} {y:.1}").is_err() {
            break;
        }
    }
    path
}

/// The second with the highest load, the lowest limit, and the most that was held.
fn worst(seconds: &[Second]) -> Second {
    let of = |value: fn(&Second) -> i64| seconds.iter().map(value);
    Second {
        load_w: of(|s| s.load_w).max().unwrap_or(0),
        limit_w: of(|s| s.limit_w).min().unwrap_or(0),
        allotted_w: of(|s| s.allotted_w).max().unwrap_or(0),
        reserved_w: of(|s| s.reserved_w).max().unwrap_or(0),
    }
}
