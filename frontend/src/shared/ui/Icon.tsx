//! The icon set: strokes on a 20-pixel grid, always beside a word or with a label of its own.
import type { ReactNode } from 'react';

const PATHS = {
  inside: <path d="M4.5 10.5l3.500 3.500 7.500-8" />,
  near: <path d="M10 3.200L18 16.800H2zM10 8v4M10 14.300v.2" />,
  over: <path d="M6.700 2.500h6.600l4.200 4.200v6.600l-4.200 4.200H6.700l-4.200-4.200V6.700zM10 6v5M10 13.700v.2" />,
  stale: <path d="M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM10 6v4.300l2.800 1.700" />,
  missing: <path d="M10 2.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM7 10h6" />,
  offline: <path d="M3 3l14 14M4.200 8.200A9 9 0 0 1 7 6.500M10 5.700c2.200 0 4.200.9 5.800 2.500M6.800 11.200A5 5 0 0 1 9 9.900M10 14.800v.2" />,
  fresh: <path d="M4.200 8.200a8.300 8.300 0 0 1 11.600 0M6.800 11.200a4.600 4.600 0 0 1 6.400 0M10 14.800v.2" />,
  overview: <path d="M3 16.500h14M5 13V9M10 13V4M15 13V7" />,
  devices: <path d="M3 4.500h14M3 10h14M3 15.500h14" />,
  sun: <path d="M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100" />,
  moon: <path d="M16.500 11.800A6.800 6.800 0 0 1 8.200 3.500a6.800 6.800 0 1 0 8.300 8.300z" />,
  auto: <path d="M10 2.500a7.500 7.500 0 1 0 0 15zM10 2.500a7.500 7.500 0 0 1 0 15" />,
  leave: <path d="M8 3.500H4v13h4M8.500 10h8M13.500 6.500L17 10l-3.500 3.500" />,
  search: <path d="M8.800 3.500a5.300 5.300 0 1 0 0 10.600 5.300 5.300 0 0 0 0-10.600zM12.700 12.700L17 17" />,
  plus: <path d="M10 4v12M4 10h12" />,
  close: <path d="M5 5l10 10M15 5L5 15" />,
  back: <path d="M11.500 4.500L6 10l5.500 5.500" />,
  up: <path d="M10 16V5M5.500 9.500L10 5l4.500 4.500" />,
  down: <path d="M10 4v11M5.500 10.500L10 15l4.500-4.500" />,
  physical: <path d="M5.500 5.500h9v9h-9zM8 5.500V3M12 5.500V3M8 17v-2.500M12 17v-2.500M5.500 8H3M5.500 12H3M17 8h-2.500M17 12h-2.500" />,
  calendar: <path d="M3.500 5h13v11.500h-13zM3.500 8.500h13M7 3v3.500M13 3v3.500" />,
  bolt: <path d="M11 2.500L4.500 11.500H10L9 17.500l6.500-9H10z" />,
  balance: <path d="M10 3v14M6 17h8M4 6h12M4 6l-2 5.500h4zM16 6l-2 5.500h4z" />,
  pulse: <path d="M2.500 10.500h3.500l2-5.500 3.500 10 2-4.500h4" />,
  list: <path d="M7.500 4.500h9M7.500 10h9M7.500 15.500h9M3.500 4.500h.2M3.500 10h.2M3.500 15.500h.2" />,
  save: <path d="M10 3v9M6 8.500l4 4 4-4M3.500 16.500h13" />,
  edit: <path d="M3.500 16.500l.7-3.400L13 4.300l2.700 2.700-8.800 8.800zM11.200 6.100l2.700 2.700" />,
  play: <path d="M6 4l10 6-10 6z" />,
  pause: <path d="M7 4v12M13 4v12" />,
  previous: <path d="M5 4v12M15 4.500L8 10l7 5.500z" />,
  next: <path d="M15 4v12M5 4.500L12 10l-7 5.500z" />,
  replay: <path d="M4 10a6 6 0 1 0 2-4.500M6 2.500v3.300h3.300M10 7v3.300l2.200 1.400" />,
  open: <path d="M7.500 4.500L13 10l-5.500 5.500" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof PATHS;

interface Props {
  name: IconName;
  size?: number;
  /** Without a label the icon is decoration. */
  label?: string;
}

export function Icon({ name, size = 16, label }: Props) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth={size > 22 ? 1.5 : 1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      style={{ flex: 'none' }}
      {...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
    >
      {PATHS[name]}
    </svg>
  );
}
