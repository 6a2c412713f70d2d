#include "phrases.h"

#include <string.h>

#define LIST(list)                                                                                 \
    {                                                                                              \
        .name = NULL, .entries = (list), .count = sizeof(list) / sizeof((list)[0])                 \
    }
#define NAMED(text, list)                                                                          \
    {                                                                                              \
        .name = (text), .entries = (list), .count = sizeof(list) / sizeof((list)[0])               \
    }

static const char *const first_names[] = {
    "Ada",     "Agnes",   "Amir",   "Anneke", "Anton",  "Aisha",   "Beatriz", "Bogdan", "Bruno",
    "Camila",  "Carlo",   "Chidi",  "Clara",  "Dagny",  "Daniela", "Dmitri",  "Edith",  "Elif",
    "Emeka",   "Eoin",    "Esther", "Farah",  "Felix",  "Fiona",   "Fumiko",  "Gavin",  "Greta",
    "Hana",    "Hassan",  "Hector", "Hugo",   "Ifeoma", "Ingrid",  "Irina",   "Isabel", "Ivo",
    "Jamila",  "Jan",     "Jorge",  "José",   "Judith", "Kaveh",   "Keiko",   "Kofi",   "Lars",
    "Leila",   "Lorenzo", "Lucía",  "Magnus", "Maren",  "Mateo",   "Mbali",   "Mei",    "Milan",
    "Nadia",   "Naveen",  "Nils",   "Noor",   "Olga",   "Omar",    "Paloma",  "Pavel",  "Priya",
    "Quentin", "Rafael",  "Rosa",   "Ruth",   "Samira", "Selma",   "Siobhán", "Søren",  "Stefan",
    "Tamar",   "Teodor",  "Thandi", "Tomás",  "Ulla",   "Vera",    "Viktor",  "Wanda",  "Wei",
    "Xenia",   "Yara",    "Yusuf",  "Zofia",  "Zoë",
};

static const char *const last_names[] = {
    "Abara",     "Almeida",  "Andersen", "Aydın",     "Bakker",   "Barros",   "Becker",   "Bianchi",
    "Björklund", "Castillo", "Chen",     "Cohen",     "Dahl",     "Demir",    "Diallo",   "Dubois",
    "Dvořák",    "Egede",    "Eriksen",  "Fairley",   "Ferrari",  "Fischer",  "Fontaine", "Fujita",
    "Garnett",   "Ghosh",    "Gruber",   "Haddad",    "Hale",     "Hansen",   "Horvat",   "Ibáñez",
    "Ishikawa",  "Ivanova",  "Jansen",   "Kamau",     "Kaplan",   "Keller",   "Kim",      "Kovač",
    "Kowalska",  "Larsen",   "Lehtinen", "Lindqvist", "Machado",  "Marković", "Mensah",   "Meyer",
    "Mokoena",   "Moreau",   "Müller",   "Nakata",    "Nguyen",   "Nowak",    "O'Brien",  "Okafor",
    "Olsen",     "Oyelaran", "Papadaki", "Park",      "Petrov",   "Quispe",   "Rahman",   "Ramírez",
    "Rossi",     "Sato",     "Schulz",   "Silva",     "Singh",    "Sørensen", "Tanaka",   "Tran",
    "Ueda",      "Vargas",   "Vasquez",  "Verhoeven", "Virtanen", "Weiss",    "Yilmaz",   "Zając",
};

static const char *const things[] = {
    "kettle",  "lamp",       "backpack",  "keyboard", "blender",   "armchair", "tent",
    "headset", "router",     "notebook",  "bicycle",  "drill",     "mattress", "camera",
    "teapot",  "desk",       "jacket",    "toaster",  "umbrella",  "speaker",  "suitcase",
    "printer", "monitor",    "bookshelf", "saucepan", "projector", "heater",   "microphone",
    "tripod",  "doormat",    "guitar",    "scooter",  "helmet",    "thermos",  "wallet",
    "radio",   "doorbell",   "hammock",   "ladder",   "sofa",      "freezer",  "charger",
    "webcam",  "wristwatch",
};

static const char *const places[] = {
    "kitchen",  "office",  "garage", "attic",  "hallway",     "garden",
    "workshop", "bedroom", "studio", "cellar", "garden shed", "living room",
};

static const char *const persons[] = {
    "sister", "brother",  "neighbour", "colleague", "uncle",
    "aunt",   "daughter", "son",       "cousin",    "flatmate",
};

static const char *const times[] = {
    "on Monday",       "on Tuesday",      "on Thursday",    "on Saturday",
    "in March",        "in September",    "in the morning", "in the evening",
    "after two weeks", "after nine days", "at the weekend", "in the autumn",
};

static const char *const parts[] = {
    "cable",   "handle", "lid",   "manual", "strap", "button", "bag",
    "battery", "hinge",  "label", "switch", "cover", "knob",   "screw",
};

static const char *const good[] = {
    "excellent",  "wonderful",  "superb",    "fantastic",   "great",       "lovely",
    "good",       "beautiful",  "amazing",   "perfect",     "brilliant",   "delightful",
    "impressive", "awesome",    "charming",  "handy",       "comfortable", "nice",
    "splendid",   "pleasant",   "marvelous", "magnificent", "outstanding", "gorgeous",
    "elegant",    "stunning",   "enjoyable", "fabulous",    "incredible",  "exquisite",
    "remarkable", "satisfying", "superior",  "adorable",    "flawless",
};

static const char *const bad[] = {
    "terrible",   "awful",         "horrible",   "poor",      "bad",        "disappointing",
    "useless",    "ugly",          "dreadful",   "boring",    "annoying",   "broken",
    "pathetic",   "frustrating",   "nasty",      "mediocre",  "ridiculous", "worthless",
    "unpleasant", "uncomfortable", "disgusting", "lousy",     "miserable",  "stupid",
    "painful",    "inconvenient",  "tedious",    "atrocious", "appalling",  "sloppy",
    "tasteless",
};

static const char *const positive[] = {
    "The {thing} is {good}.",
    "What a {good} {thing}!",
    "I bought this {thing} for my {person}, who calls it {good}.",
    "It is {good}, and the {part} is {good} too.",
    "A {good} {thing} for the {place}.",
    "My {person} says the {thing} is {good}.",
    "It arrived {time} and turned out to be {good}.",
    "The {part} alone is {good}.",
    "The {thing} is not {bad} at all.",
    "Everyone in the {place} agrees: {good}.",
    "I love this {thing}.",
    "We are happy with the {thing}, and so is my {person}.",
};

static const char *const negative[] = {
    "The {thing} is {bad}.",
    "What a {bad} {thing}.",
    "I bought this {thing} for my {person}, who calls it {bad}.",
    "It is {bad}, and the {part} is {bad} too.",
    "A {bad} {thing}, whatever the {place}.",
    "My {person} says the {thing} is {bad}.",
    "It arrived {time} and turned out to be {bad}.",
    "The {part} alone is {bad}.",
    "The {thing} is not {good}, whatever they say.",
    "Everyone in the {place} agrees: {bad}.",
    "I hate this {thing}.",
    "The {part} came off {time}, a {bad} surprise.",
};

static const char *const neutral[] = {
    "The {thing} arrived {time}.",
    "We use the {thing} in the {place}.",
    "It came with a {part} and a {part}.",
    "My {person} ordered one {time}.",
    "The {thing} stands in the {place} now.",
    "I bought it for my {person}.",
    "The {part} is on the side of the {thing}.",
    "It replaces the {thing} we had before.",
    "Delivery took four days.",
    "There is a {part} below the {part}.",
    "We put it together {time}.",
    "My {person} takes it to the {place} {time}.",
};

const struct phrases phrases_first_names = LIST(first_names);
const struct phrases phrases_last_names = LIST(last_names);
const struct phrases phrases_positive = LIST(positive);
const struct phrases phrases_neutral = LIST(neutral);
const struct phrases phrases_negative = LIST(negative);

static const struct phrases named[] = {
    NAMED("thing", things), NAMED("place", places), NAMED("person", persons), NAMED("time", times),
    NAMED("part", parts),   NAMED("good", good),    NAMED("bad", bad),
};

const struct phrases *phrases_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (strlen(named[i].name) == length && memcmp(named[i].name, name, length) == 0) {
            return &named[i];
        }
    }
    return NULL;
}
