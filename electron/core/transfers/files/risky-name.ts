// Endings that some system runs, installs or mounts at a double click, or that start something else.
const RISKY: ReadonlySet<string> = new Set(
  [
    // Windows: programs, installers, libraries, screen savers
    'exe com scr pif cpl msi msp mst msix msixbundle appx appxbundle appinstaller application gadget dll ocx sys drv',
    // Windows: scripts and settings
    'bat cmd ps1 ps1xml ps2 psc1 psm1 psd1 vb vbe vbs js jse mjs ws wsf wsc wsh hta sct shb shs reg inf msc chm hlp',
    // Windows: shortcuts and what acts as one
    'lnk url scf website library-ms search-ms searchconnector-ms settingcontent-ms theme themepack diagcab',
    // disk images: what is inside loses its mark of having been downloaded
    'iso img vhd vhdx udf dmg sparseimage sparsebundle toast',
    // macOS
    'app command pkg mpkg tool action workflow scpt scptd applescript osax terminal fileloc inetloc webloc prefpane',
    'mobileconfig kext dylib',
    // Linux and other Unix
    'desktop run appimage deb rpm snap flatpakref flatpakrepo sh bash zsh csh ksh fish elf so ko',
    // languages that have a program for a double click
    'py pyc pyw pyz rb pl php lua tcl jar jnlp class air swf apk xpi crx',
    // documents with macros
    'docm dotm xlsm xltm xlam xll ppsm pptm potm ppam sldm accdb accde mdb mde iqy slk',
  ].flatMap((line) => line.split(' ')),
);

/**
 * Whether a file of this name is a program, a script, a shortcut or an image of a disk. The last two endings are looked
 * at, so that neither `photo.jpg.exe` nor `setup.exe.zip` passes for what it is not.
 */
export function isRiskyName(name: string): boolean {
  // Windows drops dots and spaces at the end before it looks
  const endings = name
    .toLowerCase()
    .replace(/[. ]+$/, '')
    .split('.')
    .slice(1)
    .slice(-2);
  return endings.some((ending) => RISKY.has(ending.trim()));
}
