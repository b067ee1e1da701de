/** The host of `host:port`, without the brackets of an IPv6 address. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1");
}

/**
 * True where only this machine reaches the address. A name other than `localhost` may mean anything by the time it is
 * looked up.
 */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
