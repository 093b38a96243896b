'use strict';
// The least a window can be: what the program is measured beside.
const { app, BrowserWindow } = require('electron');
const path = require('node:path');

app.whenReady().then(() => {
  const window = new BrowserWindow({
    width: 1120,
    height: 760,
    webPreferences: { sandbox: true, contextIsolation: true },
  });
  window.loadFile(path.join(__dirname, 'index.html'));
});
app.on('window-all-closed', () => app.quit());
