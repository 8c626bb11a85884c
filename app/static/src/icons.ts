/** Icon outlines, drawn for this project on a 24 x 24 grid with a 1.75 stroke. */

export const CHAT = ["M5 5.5h14a2 2 0 0 1 2 2v7.5a2 2 0 0 1-2 2h-6.5L8 20.8V17H5a2 2 0 0 1-2-2V7.5a2 2 0 0 1 2-2z"];
export const CLOSE = ["M6.5 6.5l11 11", "M17.5 6.5l-11 11"];
export const DOWN = ["M6 9.5l6 6 6-6"];
export const SEND = ["M12 19V5.5", "M6 11.5l6-6 6 6"];
export const STOP = ["M8 8h8v8H8z"];
export const PERSON = ["M12 11.5a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5z", "M5 20c.6-3.6 3.5-5.5 7-5.5s6.4 1.9 7 5.5"];
export const SPARK = ["M12 4l1.7 4.8a2.5 2.5 0 0 0 1.5 1.5L20 12l-4.8 1.7a2.5 2.5 0 0 0-1.5 1.5L12 20l-1.7-4.8a2.5 2.5 0 0 0-1.5-1.5L4 12l4.8-1.7a2.5 2.5 0 0 0 1.5-1.5z"];
export const ARTICLE = ["M7 3.5h7l4 4V20a.5.5 0 0 1-.5.5h-10.5a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5z", "M9.5 12h5.5", "M9.5 15.5h5.5"];
export const CHECK = ["M5.5 12.5l4.5 4.5 8.5-10"];
export const STAR = ["M12 4.2l2.4 4.9 5.4.8-3.9 3.8.9 5.4-4.8-2.6-4.8 2.6.9-5.4L4.2 9.9l5.4-.8z"];
export const ATTACH = ["M19 11.5l-7.4 7.4a4.6 4.6 0 0 1-6.5-6.5l8-8a3.1 3.1 0 0 1 4.4 4.4l-8 8a1.5 1.5 0 0 1-2.2-2.2l7.3-7.2"];
export const FILE = ["M7 3.5h7l4 4V20a.5.5 0 0 1-.5.5h-10.5a.5.5 0 0 1-.5-.5V4a.5.5 0 0 1 .5-.5z", "M13.5 3.5v4.5h4.5"];
export const MENU = ["M4.5 7h15", "M4.5 12h15", "M4.5 17h9"];
export const SAVE = ["M12 4v11", "M7.5 11l4.5 4.5 4.5-4.5", "M5 19.5h14"];
export const PLUS = ["M12 5.5v13", "M5.5 12h13"];
