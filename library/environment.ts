/** The first part of the names of all objects that the libraries of a Worker use. */
export const environment = "library";
