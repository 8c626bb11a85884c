/** The build puts a stylesheet's minified text where it is imported. */
declare module "*.css" {
  const css: string;
  export default css;
}
