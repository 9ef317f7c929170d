//! A power figure with its unit set smaller. The words are one text for those who listen.
import { powerFigure } from '../lib/format';
import styles from './Figure.module.css';

interface Props {
  kw: number | null | undefined;
  scaleOf?: number | undefined;
  size?: 'm' | 'l' | 'xl';
}

export function Figure({ kw, scaleOf, size = 'm' }: Props) {
  const { value, unit } = powerFigure(kw, scaleOf);
  return (
    <span className={styles.figure} data-size={size}>
      {value} <span className={styles.unit}>{unit}</span>
    </span>
  );
}
