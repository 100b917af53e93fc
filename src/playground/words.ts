/** The lexicon of the playground: every word below is one token when a space stands before it. */

/** Twenty words each, no word in two categories. */
export const CATEGORIES = {
  animal: words(
    'bear bat camel cow cat deer dog duck fox frog goat goose hamster horse lion lizard monkey rabbit sheep tiger',
  ),
  fruit: words(
    'banana blueberry cherry coconut date fig grape guava kiwi lemon lime mango melon papaya peach pear plum ' +
      'raspberry strawberry tangerine',
  ),
  color: words(
    'beige black blue brown crimson cyan fuchsia gray green lavender magenta maroon pink purple red scarlet ' +
      'silver tan teal white',
  ),
  tool: words(
    'axe chisel clamp drill fork hammer hatchet hoe ladder lathe mallet pliers rake ruler saw shovel spade ' +
      'torch trowel wrench',
  ),
} as const;

export type Category = keyof typeof CATEGORIES;

export const CATEGORY_NAMES = Object.keys(CATEGORIES) as readonly Category[];

export const NOUNS: readonly string[] = Object.values(CATEGORIES).flat();

/** First letters of at least five nouns. */
export const LETTERS: readonly string[] = words('b c d f g h l m p r s t');

/** Words that an answer may have to start or end with; none is a noun. */
export const EDGE_WORDS: readonly string[] = words(
  'ok done bye hello thanks cheers sure great fine indeed finally please',
);

export const NAMES: readonly string[] = words('Tom Ann Ben Eva Max Mia Sam Zoe Leo Ida Kim Rob');

/** What stories count, in the plural. */
export const THINGS: readonly string[] = words('apples pens cards books stamps shells balls eggs');

/** The words of instructions, plans, executions and drills. */
export const TEMPLATE_WORDS: readonly string[] = words(
  'animals fruits colors tools List Name words that start Repeat Write the word times Count count from to down ' +
    'numbers Sort Put in order low high backwards Reverse Copy same Pick Find End Start with ' +
    'has buys finds gets more loses sells gives away doubles triples them How many much does have now ' +
    'for coins each and pay pays get back shares shared are equally among friends friend one of it So ' +
    'Check is helpful clear starts first last goes up end The answer step every Work out ' +
    'yes no good bad reads well says nothing ' +
    'Compare Category Letter Match Order a an not or as Instruction',
);

const categoryByWord = new Map<string, Category>();
for (const name of CATEGORY_NAMES) for (const word of CATEGORIES[name]) categoryByWord.set(word, name);

/** The category of a noun; undefined for any other text. */
export function categoryOf(word: string): Category | undefined {
  return categoryByWord.get(word);
}

const edges = new Set(EDGE_WORDS);

export function isEdgeWord(word: string): boolean {
  return edges.has(word);
}

/** What white space separates. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
