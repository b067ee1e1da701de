import type { ParsedTemplate } from "../domain/parse-template.ts";

/** Registers a template in `named_tasks`; true where that changed something. */
export type RegisterTemplate = (template: {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly configurationJson: string;
}) => Promise<{ readonly changed: boolean }>;

/** A template as the database has it now. */
export interface RegisteredTemplate {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly stepCount: number;
  readonly changed: boolean;
  readonly warnings: readonly string[];
}

/** The task templates that this host registered. */
export class TaskTemplateRegistry {
  readonly #register: RegisterTemplate;
  readonly #templates = new Map<string, RegisteredTemplate>();

  constructor(register: RegisterTemplate) {
    this.#register = register;
  }

  get templates(): readonly RegisteredTemplate[] {
    return [...this.#templates.values()];
  }

  /** Writes the template into the database; one that is there unchanged stays as it is. */
  async register({ template, configurationJson, warnings }: ParsedTemplate): Promise<RegisteredTemplate> {
    const { namespaceName: namespace, name, version, description, steps } = template;
    const { changed } = await this.#register({ namespace, name, version, description, configurationJson });
    const registered = { namespace, name, version, stepCount: steps.length, changed, warnings };
    this.#templates.set(`${namespace}/${name}@${version}`, registered);
    return registered;
  }
}
