/** The value of an option, or `otherwise` where it was not given. @throws Error where it is no whole number above 0. */
export function wholeNumber(option: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`${option} is "${value}", wanted a whole number above 0`);
}
