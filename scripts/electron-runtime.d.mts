export interface ElectronRuntime {
  folder: string;
  executable: string;
  version: string;
}
export function electronRuntime(): ElectronRuntime;
export function developmentSwitches(): string[];
