/** Trackbook's own icon: a notebook with a track in it. */

import { LabIcon } from '@jupyterlab/ui-components';

import trackbookSvg from '../style/icons/trackbook.svg';

export const trackbookIcon = new LabIcon({ name: 'trackbook:trackbook', svgstr: trackbookSvg });
