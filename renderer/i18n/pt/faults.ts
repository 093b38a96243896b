import type { enFaults } from '../en/faults.ts';

/** O que cada falha diz, e o que fazer a seguir. */
export const ptFaults: Record<keyof typeof enFaults, { said: string; todo: string }> = {
  'host-unknown': { said: 'O nome do servidor não foi encontrado.', todo: 'Verifique a parte depois do @.' },
  unreachable: { said: 'O servidor não responde.', todo: 'Verifique a rede e tente de novo.' },
  'not-this-protocol': {
    said: 'O servidor fala outro protocolo.',
    todo: 'Troque entre SIP e XMPP, ou verifique o servidor.',
  },
  'server-unavailable': { said: 'O servidor não está disponível neste momento.', todo: 'Tente daqui a pouco.' },
  'tls-required': {
    said: 'O servidor não oferece aqui uma ligação protegida.',
    todo: 'Verifique a rede; se continuar assim, contacte o apoio informático.',
  },
  'tls-untrusted': {
    said: 'O servidor não conseguiu provar quem é.',
    todo: 'Veja o certificado antes de continuar.',
  },
  network: { said: 'A ligação foi interrompida.', todo: 'Verifique a rede e tente de novo.' },
  timeout: { said: 'Não houve resposta a tempo.', todo: 'Tente de novo.' },
  'authority-invalid': {
    said: 'Este ficheiro não tem nenhum certificado de uma autoridade.',
    todo: 'Peça ao apoio informático o ficheiro da autoridade do campus (PEM ou DER) e escolha-o.',
  },
  'address-invalid': { said: 'Este endereço não está completo.', todo: 'Escreva-o como nome@campus.pt.' },
  'credentials-rejected': {
    said: 'O servidor recusou o endereço ou a palavra-passe.',
    todo: 'Escreva a palavra-passe de novo.',
  },
  'credentials-missing': { said: 'A palavra-passe não está guardada aqui.', todo: 'Escreva a palavra-passe.' },
  'authentication-weaker': {
    said: 'Este servidor pede agora a palavra-passe de uma forma mais fraca.',
    todo: 'Fale com o apoio informático e permita-o só se o confirmarem.',
  },
  'authentication-changed': {
    said: 'Este servidor pede agora a palavra-passe com outro nome.',
    todo: 'Fale com o apoio informático e permita-o só se o confirmarem.',
  },
  'account-conflict': {
    said: 'Esta conta foi tomada por outro programa.',
    todo: 'Feche o outro programa e tente de novo.',
  },
  policy: { said: 'As regras do servidor não permitem isto.', todo: 'Fale com o apoio informático.' },
  'peer-offline': { said: 'Esta pessoa não está ligada.', todo: 'Tente de novo quando voltar.' },
  'peer-busy': { said: 'Esta pessoa está ocupada neste momento.', todo: 'Tente mais tarde.' },
  'peer-declined': { said: 'Esta pessoa recusou.', todo: 'Escreva-lhe a perguntar porquê.' },
  'peer-unknown': { said: 'O servidor não conhece ninguém com este endereço.', todo: 'Verifique o endereço.' },
  'peer-cannot-keep': { said: 'O ficheiro não pôde ser guardado do outro lado.', todo: 'Tente de novo mais tarde.' },
  'peer-outdated': {
    said: 'Esta pessoa usa um AIMS mais antigo, que não consegue provar quem é.',
    todo: 'Peça-lhe que atualize o AIMS.',
  },
  'encryption-refused': {
    said: 'O outro lado não aceitou uma transferência cifrada. O programa dele pode aceitar ficheiros só sem cifra.',
    todo: 'Peça-lhe que ative a cifra (TLS) nas transferências de ficheiros.',
  },
  'store-failed': {
    said: 'O serviço de ficheiros do seu servidor não aceitou o ficheiro.',
    todo: 'Tente mais tarde; se persistir, fale com o apoio informático.',
  },
  'empty-refused': { said: 'O seu servidor não aceita ficheiros vazios.', todo: 'Envie-o por outro caminho.' },
  'not-supported': { said: 'O outro lado não consegue fazer isto.', todo: 'Tente outro caminho para esta pessoa.' },
  blocked: { said: 'As mensagens entre vocês estão bloqueadas.', todo: 'Contacte esta pessoa de outra forma.' },
  'too-big': { said: 'É demasiado grande para este caminho.', todo: 'Envie por partes, ou como ficheiro.' },
  malformed: {
    said: 'Não foi possível compreender a resposta.',
    todo: 'Tente de novo; se persistir, fale com o apoio informático.',
  },
  unreadable: { said: 'Não foi possível ler isto.', todo: 'Peça que seja enviado de novo.' },
  'no-space': { said: 'Não há espaço suficiente no disco.', todo: 'Liberte espaço e tente de novo.' },
  'name-refused': {
    said: 'O ficheiro não pode ser guardado com este nome.',
    todo: 'Use «Guardar como…» com outro nome.',
  },
  'size-mismatch': { said: 'O ficheiro não tinha o tamanho anunciado.', todo: 'Peça que seja enviado de novo.' },
  'hash-mismatch': { said: 'O ficheiro chegou danificado e foi eliminado.', todo: 'Peça que seja enviado de novo.' },
  'source-changed': { said: 'O ficheiro foi alterado durante o envio.', todo: 'Envie-o de novo.' },
  'source-missing': { said: 'O ficheiro já não está onde estava.', todo: 'Escolha o ficheiro de novo.' },
  'permission-denied': { said: 'Este computador não deixa o AIMS usar esse local.', todo: 'Escolha outra pasta.' },
  cancelled: { said: 'Isto foi cancelado.', todo: 'Recomece quando quiser.' },
  internal: {
    said: 'Algo correu mal dentro do AIMS.',
    todo: 'Tente de novo; se persistir, fale com o apoio informático.',
  },
  'command-unknown': { said: 'Esta janela e o seu motor não condizem.', todo: 'Feche o AIMS e abra-o de novo.' },
  'command-invalid': { said: 'Isto não pode ser usado como foi escrito.', todo: 'Verifique o que escreveu.' },
  'not-found': { said: 'Isto já não está aqui.', todo: 'Volte atrás e escolha de novo.' },
  'wrong-state': { said: 'Isto já não é possível: acabou de mudar.', todo: 'Veja de novo.' },
  'already-exists': { said: 'Já tem isto.', todo: 'Use o que já existe.' },
  'not-available-here': { said: 'Isto não é possível neste computador.', todo: 'Fale com o apoio informático.' },
  'risky-file': { said: 'O AIMS não abre programas.', todo: 'Mostre-o na pasta e abra-o lá, se confia nele.' },
  'file-gone': { said: 'O ficheiro já não está onde foi guardado.', todo: 'Peça que seja enviado de novo.' },
  'profile-folder': {
    said: 'O AIMS não consegue criar a pasta dos seus ficheiros.',
    todo: 'Verifique se pode escrever lá e tente de novo.',
  },
  'profile-in-use': { said: 'O AIMS já está aberto com este perfil.', todo: 'Use a janela que está aberta.' },
  'profile-sealed': {
    said: 'As suas mensagens estão fechadas: não foi possível abrir as palavras-passe deste computador.',
    todo: 'Desbloqueie-as e inicie o AIMS de novo.',
  },
  'passphrase-needed': {
    said: 'As suas conversas estão protegidas por uma frase-passe.',
    todo: 'Introduza-a para as abrir.',
  },
  'passphrase-wrong': {
    said: 'Não é essa a frase-passe.',
    todo: 'Escreva-a de novo; as maiúsculas e os espaços contam.',
  },
  'key-damaged': {
    said: 'O ficheiro com a chave das suas conversas está danificado.',
    todo: 'Peça ao apoio informático que o recupere de uma cópia, ou comece de novo.',
  },
  'secrets-locked': {
    said: 'As palavras-passe deste computador estão bloqueadas.',
    todo: 'Desbloqueie-as e tente de novo.',
  },
  'database-newer': {
    said: 'As suas mensagens foram usadas por um AIMS mais recente.',
    todo: 'Instale o AIMS mais recente neste computador.',
  },
  'database-salvaging': {
    said: 'O arquivo de mensagens estava danificado e o AIMS está a salvar o que ainda se consegue ler.',
    todo: 'Espere um pouco: pode demorar alguns minutos, e o AIMS continua sozinho.',
  },
  'database-unavailable': {
    said: 'Não é possível abrir o arquivo de mensagens neste momento.',
    todo: 'Verifique se o disco está acessível e com espaço, e tente de novo.',
  },
  'core-gone': { said: 'O AIMS está a reiniciar o motor.', todo: 'Espere um momento e tente de novo.' },
  other: { said: 'Algo correu mal.', todo: 'Tente de novo.' },
};
