/** Porque não se mostra uma mensagem que chegou, e o que fazer. */
export const ptUnshown = {
  omemo: 'Uma mensagem cifrada com OMEMO. O AIMS ainda não a consegue ler: peça-a sem cifra.',
  openpgp: 'Uma mensagem cifrada com OpenPGP. O AIMS ainda não a consegue ler: peça-a sem cifra.',
  encrypted: 'Uma mensagem cifrada. O AIMS não a consegue ler: peça-a sem cifra.',
  invitation: 'Um convite para um grupo. O AIMS ainda não entra em grupos: peça que lhe escrevam diretamente.',
  call: 'Uma chamada. O AIMS ainda não atende chamadas: responda por escrito.',
  attention: 'Um pedido de atenção, sem texto: escreva para responder.',
  reaction: 'Uma reação a uma mensagem. O AIMS ainda não mostra reações: pergunte qual foi.',
  retraction: 'Uma mensagem anterior foi retirada. O AIMS ainda não a consegue apagar: considere-a retirada.',
  file: 'Um ficheiro que o AIMS não pode ir buscar onde está: peça que o enviem de novo.',
  cut: 'A mensagem acima era demasiado longa: o fim não é mostrado. Peça o resto num ficheiro.',
  other: 'Uma mensagem de um tipo que o AIMS não conhece: peça-a em texto simples.',
};
