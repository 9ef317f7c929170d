//! The product's mark and name.
import styles from './Brand.module.css';

export function Brand({ large = false }: { large?: boolean }) {
  const size = large ? 40 : 28;
  return (
    <span className={styles.brand} data-large={large || undefined}>
      <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#0b5563" />
        <path d="M6 11h20" stroke="#9fe0e6" strokeWidth="2" strokeDasharray="3 2.4" />
        <path
          d="M6 23c3 0 3.500-7 7-7s3.500 4 6.500 4S23 14.500 26 14.500"
          fill="none"
          stroke="#fff"
          strokeWidth="2.600"
          strokeLinecap="round"
        />
      </svg>
      <span className={styles.name}>Mini-DERMS</span>
    </span>
  );
}
