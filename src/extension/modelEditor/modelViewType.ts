/** The view type of the model editor. */
export const modelViewType = 'lethe.model';
