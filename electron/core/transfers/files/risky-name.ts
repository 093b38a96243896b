// Endings that some system runs, installs or mounts at a double click, that start something else, or that bring the person
// into somebody's hands: a remote screen, a network, an authority, a page that asks for a password. Holds what
// Outlook and Exchange block unasked, but for mailboxes (.pst) and .tmp; look there when it is to be brought up to date.
const RISKY: ReadonlySet<string> = new Set(
  [
    // Windows: programs, installers, libraries, screen savers
    'exe com scr pif cpl msi msp mst msu msix msixbundle appx appxbundle appinstaller application gadget dll ocx sys drv',
    'appref-ms xbap cab cplx mui fon grp bas isp mad maf mag mam maq mar mas mat mau mav maw mcf msh msh1 msh2 mshxml msh1xml msh2xml vsmacros ops',
    'asp aspx asx htc fxp udl',
    // Windows: scripts and settings
    'bat cmd ps1 ps1xml ps2 ps2xml psc1 psc2 psm1 psd1 pssc cdxml vb vbe vbs vbp vsw js jse mjs cjs ws wsf wsc wsh wsb',
    'hta sct shb shs reg inf msc chm hlp hpj cnt ahk au3 job grp ins its mht mhtml diagcfg diagpkg printerexport',
    // Windows: shortcuts and what acts as one
    'lnk url scf website library-ms search-ms searchconnector-ms settingcontent-ms theme themepack deskthemepack diagcab',
    'desklink mapimail glk pcd plg prf prg mcl osd xnk',
    // disk images: what is inside loses its mark of having been downloaded
    'iso img vhd vhdx vmdk udf dmg sparseimage sparsebundle smi cdr dart dc42 diskcopy42 dvdr imgpart ndif toast',
    // macOS
    'app command pkg mpkg xip tool action workflow scpt scptd applescript osax terminal fileloc inetloc webloc prefpane',
    'mobileconfig configprofile provisionprofile kext dylib bundle definition internetconnect networkconnect qlgenerator',
    'mdimporter saver service slidesaver shortcut wdgt safariextz',
    // Linux and other Unix
    'desktop run appimage deb rpm snap flatpak flatpakref flatpakrepo sh bash zsh csh ksh fish tcsh elf so ko',
    'service socket timer mount automount pacman ebuild',
    // languages that have a program for a double click
    'py pyc pyo pyw pyz pyzw rb pl php phar lua tcl tk jar jnlp class war ear air swf spl apk aab ipa xap xpi crx vsix',
    'ipynb rds wasm',
    // documents with macros
    'docm dotm xlsm xlsb xltm xlam xla xll xlm xlw ppsm pptm potm ppam ppa sldm one onepkg onetoc2 pub wbk wll iqy oqy rqy',
    'dqy odc slk accda accdb accde accdr accdt accdu ade adn adp laccdb mda mdb mde mdn mdt mdw mdz odb otm oxt',
    // pages and pictures that run scripts in a browser, from this disk
    'html htm xhtml xht shtml shtm svg svgz',
    // a remote screen, a network, an authority or a key of somebody else
    'rdp rdg ica remoteapp vnc tsclient ovpn tblk nmconnection pbk pcf',
    'cer crt der p7b p7c p7r p7s p12 pfx spc stl sst',
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
