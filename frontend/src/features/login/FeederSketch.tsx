//! A drawing for the login: a day's load under its limit. Decoration only.
export function FeederSketch() {
  return (
    <svg viewBox="0 0 480 220" width="100%" role="presentation">
      <g stroke="currentColor" strokeOpacity="0.16">
        <path d="M0 40h480M0 85h480M0 130h480M0 175h480" />
      </g>
      <path
        d="M0 178C40 184 66 176 96 158s46-52 80-56 46 32 78 34 34-46 66-50 58 2 88 0 36 50 72 54V220H0z"
        fill="currentColor"
        fillOpacity="0.14"
      />
      <path
        d="M0 178C40 184 66 176 96 158s46-52 80-56 46 32 78 34 34-46 66-50 58 2 88 0 36 50 72 54"
        fill="none"
        stroke="currentColor"
        strokeWidth="3"
        strokeLinecap="round"
      />
      <path
        d="M0 46h286v26h118V46h76"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeDasharray="7 6"
        strokeOpacity="0.75"
      />
    </svg>
  );
}
