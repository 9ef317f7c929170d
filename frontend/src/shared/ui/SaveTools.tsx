//! Keeping what a chart shows: its points as CSV, the chart itself as PNG.
import { saveFile } from '../lib/saveFile';
import { toasts } from '../lib/toasts';
import { Icon } from './Icon';
import styles from './SaveTools.module.css';

/** Draws a chart that is on the page; null while it is not. */
export type Picture = () => HTMLCanvasElement | null;

interface Props {
  /** Of what, for those who hear the buttons one by one. */
  what: string;
  /** The file, without its ending. */
  file: string;
  disabled: boolean;
  onCsv: () => void;
  picture: () => Picture | null;
}

export function SaveTools({ what, file, disabled, onCsv, picture }: Props) {
  const savePicture = () => {
    const canvas = picture()?.();
    canvas?.toBlob((blob) => {
      if (blob) saveFile(`${file}.png`, blob);
      else toasts.say({ text: 'The browser could not make the picture.', tone: 'failed' });
    }, 'image/png');
  };
  return (
    <span className={styles.tools}>
      <button type="button" className="button" data-size="s" aria-label={`Save ${what} as CSV`} disabled={disabled} onClick={onCsv}>
        <Icon name="save" /> CSV
      </button>
      <button type="button" className="button" data-size="s" aria-label={`Save ${what} as PNG`} disabled={disabled} onClick={savePicture}>
        <Icon name="save" /> PNG
      </button>
    </span>
  );
}
