/** Numbers by which batch rows of a night name the places that images come from. */
export const sources = { stream: 0, dreams: 1, longTerm: 2, shortTerm: 3, exam: 4 } as const;
