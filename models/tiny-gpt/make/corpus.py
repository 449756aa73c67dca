"""Seeded generator of small English stories and question/answer lines.

Every sentence pattern and word list here was written for this project; no outside text is used.
In a pattern, [a|b|c] picks one alternative (they nest) and {key} is filled from the story's cast.

    python corpus.py 3          # print three documents
"""
import random
import re
import sys

GIRLS = """Mia Lily Anna Rosa Ella Nora Zoe Ruby Clara Ivy Hana Sara Lucy Maya Tess Amy June Daisy Emma Lena
Kira Molly Olive Pia Sofia Tara Wren Yara Nina Grace Alice Bella Chloe Dora Fay""".split()
BOYS = """Tom Ben Max Sam Leo Jack Finn Omar Theo Noah Luis Adam Eli Hugo Ravi Otto Will Nico Paul Jonas
Kai Mark Pete Owen Rory Seth Tim Zack Dan Felix Oscar Henry Jim Luke Ali""".split()
PETS = """Pip Rusty Fluff Nibbles Coco Bramble Dot Pepper Biscuit Mossy Hazel Button Clover Sunny Misty Patch
Whisker Puddle Tumble Acorn Maple Pebble Ginger Snowy Bean""".split()
ANIMALS = """fox rabbit bear mouse squirrel hedgehog duck frog owl kitten puppy turtle goat lamb badger beaver
otter deer sparrow penguin pony bee snail""".split()
ELDERS = [("grandmother", "she"), ("grandfather", "he"), ("mother", "she"), ("father", "he"), ("aunt", "she"),
          ("uncle", "he"), ("teacher", "she"), ("old neighbour", "he")]
WISE = [("old owl", "she"), ("old turtle", "he"), ("grey goose", "she"), ("big bear", "he"), ("old badger", "he"),
        ("kind deer", "she"), ("white horse", "he"), ("clever crow", "she"), ("tall heron", "he")]
GOOD = "little kind brave happy clever quiet curious cheerful gentle small young shy friendly funny".split()
COLOURS = "red blue green yellow purple orange white golden silver pink brown".split()
TOYS = "ball kite doll drum boat robot train book hat scarf puzzle whistle teddy balloon lantern basket".split()
LOSABLE = "ball kite doll hat scarf key ring book bell coin button shoe mitten map whistle teddy ribbon cup".split()
PLACES = ["park", "forest", "garden", "beach", "village", "meadow", "market", "farm", "lake", "hill", "river",
          "school", "playground", "library", "castle", "barn"]
WILD = ["forest", "meadow", "deep valley", "garden", "wood by the river", "field behind the farm", "green valley",
        "reed bed by the lake", "oak wood", "quiet marsh"]
HOMES = ["in a small house near the forest", "in a village by the sea", "on a farm at the end of a long road",
         "in a tall house in the city", "in a little cottage on a hill", "near a wide blue lake",
         "in a warm house with a red door", "next to the old mill", "in a town full of bells"]
DENS = ["in a hole under an old oak tree", "in a cosy den near the river", "on the edge of the forest",
        "in a nest of dry leaves", "behind a round rock in the meadow", "near a pond full of lilies",
        "under the roots of a big pine tree", "beside a small stream"]
SPOTS = ["under the bed", "behind the door", "in the kitchen", "under the big tree", "in the tall grass",
         "behind the sofa", "near the pond", "in the old box", "under the bench", "next to the well",
         "in the wardrobe", "on the roof of the shed", "between two rocks", "in the bird's nest", "by the gate"]
FOODS = ["bread", "soup", "apple pie", "honey cake", "warm milk", "pancakes", "cookies", "berries", "cheese",
         "jam", "carrots", "plums", "porridge", "roasted nuts"]
FRUIT = "apples pears plums cherries berries carrots pumpkins beans tomatoes strawberries".split()
SKILLS = [("swim", "swimming", "in the lake"), ("ride a bike", "riding a bike", "in the park"),
          ("paint", "painting", "in the garden"), ("play the flute", "playing the flute", "under a tree"),
          ("bake bread", "baking bread", "in the kitchen"), ("sing", "singing", "in front of everyone"),
          ("skate", "skating", "on the frozen pond"), ("read", "reading", "in the library"),
          ("dance", "dancing", "on the grass"), ("climb", "climbing", "on the rocks"),
          ("fly a kite", "flying a kite", "on the hill"), ("juggle", "juggling", "in the yard"),
          ("whistle", "whistling", "on the way to school"), ("tie a knot", "tying knots", "on the old boat")]
FEARS = [("the dark", "the lamp went out", "the dark was only a soft blanket for the stars"),
         ("the storm", "the thunder rolled over the roof", "the thunder was only the clouds clapping"),
         ("deep water", "the path ended at the water", "the water could hold {him} up if {he} stayed calm"),
         ("the big dog", "the big dog ran across the road", "the big dog only wanted to play"),
         ("high places", "the bridge began to shake", "it was easy if {he} looked ahead and not down"),
         ("the old house", "the door of the old house opened with a creak", "only a family of mice lived there"),
         ("new people", "all the new children looked at {him}", "they were a little shy too"),
         ("loud noises", "the drums began to play", "the noise was really music")]
WEATHER = ["The sun was shining", "It was a cold and windy day", "A soft rain was falling", "The sky was clear and blue",
           "Snow lay on the ground", "The birds were singing", "White clouds moved slowly over the hills",
           "The air smelled of flowers", "It was a warm summer morning", "The leaves were turning red and gold",
           "There was fog over the fields", "The wind was playing with the leaves"]
# What a story may teach depends on its plot.
MORALS = {
    "any": ["small hands can do big things", "a kind heart is better than gold", "home is where people wait for you"],
    "lost": ["it is good to ask for help", "you should look after your things"],
    "learn": ["you learn something every time you try", "nobody is good at everything on the first day"],
    "fear": ["being brave means trying anyway", "things look smaller when you go close"],
    "share": ["sharing makes every game better", "a friend is worth more than a toy"],
    "rescue": ["even the smallest creature needs a friend", "being kind costs nothing"],
    "journey": ["it is good to ask for help", "every long road begins with one step"],
    "surprise": ["making others happy makes you happy too", "the best gifts come from the heart"],
    "garden": ["patience brings good things", "good things grow slowly"],
    "honest": ["telling the truth makes the heart light", "everyone makes mistakes"],
    "build": ["work is easier when friends work together", "you can always begin again"],
    "magic": ["wonders are everywhere if you look", "a kind wish is the best wish"],
    "friend": ["a true friend is better than gold", "one kind word can change a day"],
    "weather_day": ["you can have fun in any weather", "the best games need no toys"],
    "lost_way": ["it is wise to stay calm", "it is not good to go too far alone"],
}
TREATS = ["a cup of hot chocolate", "a slice of {food}", "a bowl of {food}", "a big hug", "some {food}"]
INJURED = [("bird", "wing"), ("rabbit", "leg"), ("kitten", "paw"), ("puppy", "paw"), ("owl", "wing"), ("duck", "wing"),
           ("hedgehog", "foot"), ("squirrel", "tail"), ("butterfly", "wing"), ("lamb", "leg")]
BREAK = ["blue vase", "window", "painted cup", "old clock", "lamp", "big plate", "music box", "jar of honey"]
BUILD = ["bridge", "tree house", "boat", "little house", "snowman", "sand castle", "raft", "swing", "wall", "nest"]
MAGIC = ["a tiny star", "a small dragon", "a talking fish", "a fairy with green wings", "a golden key", "a glowing stone",
         "an old map", "a singing shell", "a silver feather", "a little cloud"]

PRON = {"she": dict(he="she", him="her", his="her", kid="girl", child="daughter", self="herself"),
        "he": dict(he="he", him="him", his="his", kid="boy", child="son", self="himself")}


class Story:
    def __init__(self, rng):
        self.r, self.k = rng, {}

    def person(self, prefix, sex, **words):
        for key, value in {**PRON[sex], **words}.items():
            self.k[prefix + key] = value
            # {He} and {mHis} are the forms that begin a sentence.
            self.k[prefix + key[0].upper() + key[1:]] = value[0].upper() + value[1:]

    def fill(self, text):
        while "[" in text:
            text = re.sub(r"\[([^\[\]]*)\]", lambda m: self.r.choice(m[1].split("|")), text)
        while "{" in text:
            text = re.sub(r"\{(\w+)\}", lambda m: self.k[m[1]], text)
        return re.sub(r"\b([Aa]) (?=[aeio]|un(?!i)|ug|um)", r"\1n ", text)

    def say(self, *options):
        return self.fill(self.r.choice(options))

    def maybe(self, chance, *options):
        return self.say(*options) if self.r.random() < chance else ""

    def cast(self):
        """Hero {n}, friend {m}, elder {e}, and the things of this story."""
        r, k = self.r, self.k
        self.animal = r.random() < 0.4
        kids = [(g, "she") for g in GIRLS] + [(b, "he") for b in BOYS]
        if self.animal:
            names = r.sample(PETS, 2)
            kinds = r.sample(ANIMALS, 2)
            self.person("", r.choice(["she", "he"]), n=names[0], kind=kinds[0])
            self.person("m", r.choice(["she", "he"]), n=names[1], kind=kinds[1])
            elder, sex = r.choice(WISE)
            self.person("e", sex, lder="the " + elder, kind=elder)
            k["home"], k["place"] = r.choice(DENS), r.choice(WILD)
        else:
            one, two = r.sample(kids, 2)
            self.person("", one[1], n=one[0], kind=PRON[one[1]]["kid"])
            self.person("m", two[1], n=two[0], kind=PRON[two[1]]["kid"])
            elder, sex = r.choice(ELDERS)
            self.person("e", sex, lder=k["his"] + " " + elder, kind=elder)
            k["home"], k["place"] = r.choice(HOMES), r.choice(PLACES)
        k["adj"], k["adj2"] = r.sample(GOOD, 2)
        k["col"], k["col2"] = r.sample(COLOURS, 2)
        k["toy"], k["lost"] = r.choice(TOYS), r.choice(LOSABLE)
        k["spot"], k["spot2"], k["spot3"] = r.sample(SPOTS, 3)
        k["food"], k["food2"] = r.sample(FOODS, 2)
        k["fruit"], k["build"], k["broke"] = r.choice(FRUIT), r.choice(BUILD), r.choice(BREAK)
        k["magic"], k["weather"] = r.choice(MAGIC), r.choice(WEATHER)
        k["skill"], k["skilling"], k["where"] = r.choice(SKILLS)
        k["fear"], k["scare"], k["truth"] = r.choice(FEARS)
        k["hurt"], k["limb"] = r.choice(INJURED)
        k["treat"] = r.choice(TREATS)
        return self


def opening(s):
    return s.say(
        "Once upon a time, there was a {adj} {kind} named {n}. {He} lived {home}.",
        "Once upon a time, there was a {adj} {kind} [called|named] {n} who lived {home}.",
        "Once upon a time, a {adj} and {adj2} {kind} named {n} lived {home} [with {his} family|with {his} best friend {mn}|all alone].",
        "Once there was a {kind} named {n}. {n} was very {adj}, and everyone liked {him}.",
        "One day, a {adj} {kind} named {n} went to the {place} with {his} friend {mn}.",
        "[Long ago|Many years ago|A long time ago], a {adj} {kind} [called|named] {n} lived {home}.",
        "{n} was a {adj} {kind}. {He} lived {home}.",
        "{n} was a {adj} {kind} who loved [{food}|to play in the {place}|long walks|stories|rainy days].",
        "There was once a {adj} {kind} whose name was {n}. {He} lived {home}.",
        "The {adj} {kind} [was called|had a name, and the name was] {n}. {He} lived {home}.",
        "A {adj} {kind} sat {spot} and [looked at the sky|thought about the day|hummed a song]. {His} name was {n}.",
        "This is the story of {n}, a {adj} {kind} who lived {home}.",
        "Do you know {n}? {n} is a {adj} {kind}. This is what happened to {him} one day.",
        "{weather}. {n} the {adj} {kind} [woke up early|opened the door|could not sit still].",
        "Not far from [a|a small|a quiet] {place}, there lived a {kind} named {n}.",
        "It was [morning|a sunny day|the first day of spring|a cold winter day|a quiet evening]. {n} the {adj} {kind} was [at home|awake|looking out|ready to play].") \
        + s.maybe(0.4, " {weather}.", " {He} had a friend named {mn}.",
                  " Every morning {he} [sang a song|watched the birds|ate {food}|ran around the {place}].",
                  " {His} favourite thing in the world was a {col} {toy}.", " {He} was never [bored|in a hurry|cross].")


def ending(s):
    return s.say(
        "From that day on, {n} [and {mn} were best friends|knew that {moral}|never forgot that {moral}|was a little braver].",
        "{n} learned that {moral}.", "That night, {n} [slept well|dreamed of the {place}|fell asleep with a smile].",
        "And they all lived happily ever after.", "{n} smiled all the way home.",
        "{elder2} smiled and said, \"Remember, {n}, {moral}.\"",
        "They went home together and had {treat}.", "It was the best day of the year.",
        "Everyone [clapped|cheered|laughed], and {n} felt very [proud|happy|warm inside].") \
        + s.maybe(0.25, " The end.", " And that is the end of the story.", " The next day they did it all again.")


def lost(s):
    return [
        s.say("One [morning|day|afternoon], {n} could not find {his} {col} {lost}. {He} felt very sad.",
              "{n} had a {col} {lost}. {He} loved it very much. But one day, the {lost} was gone.",
              "One day, {n} lost {his} {col} {lost}. \"Oh no!\" {he} cried. \"Where is my {lost}?\""),
        s.say("{He} looked {spot}, but it was not there. Then {he} looked {spot2}, but it was not there either.",
              "{n} looked {spot}. No {lost}. {He} looked {spot2}. Still no {lost}.",
              "First {he} looked {spot}. Then {he} looked {spot2}. There was [nothing but dust|only an old sock|nothing at all]."),
        s.say("{mn} saw {him} and asked, \"Why are you [sad|crying|so quiet], {n}?\" \"I lost my {lost},\" said {n}. \"[I will help you|Let us look together|Do not worry, we will find it],\" said {mn}.",
              "{n} asked {elder} for help. \"[When did you last see it?|Think of where you played.|Let us look again, slowly.]\" said {elder}.",
              "Then {his} friend {mn} came by. \"What is wrong?\" asked {mn}. {n} told {mhim} about the {lost}. \"Let us look for it together,\" said {mn}."),
        s.say("They looked and looked. At last, they found the {lost} {spot3}!",
              "They walked to the {place} and looked {spot3}. There it was, the {col} {lost}!",
              "\"Look!\" said {mn}. Something {col} was {spot3}. It was the {lost}!"),
        s.say("{n} [hugged|thanked] {mn}. \"{thanks}\" {he} said.", "{n} jumped with joy. \"My {lost}!\" {he} said. \"{thanks}\"",
              "{n} was so happy that {he} danced around the {place}."),
    ]


def learn(s):
    return [
        s.say("{n} wanted to {skill}. {He} had seen {mn} do it, and it looked like fun.",
              "More than anything, {n} wanted to learn to {skill}.",
              "One day, {n} said, \"I want to {skill}!\" \"Then you must practise,\" said {elder}."),
        s.say("{He} tried {skilling} {where}, but it did not go well. {n} felt sad.",
              "The first time {he} tried, it went all wrong. {mn} [laughed a little|tried not to laugh], and {n} [went red|wanted to give up].",
              "{He} tried once. {He} tried twice. It was too hard. \"I can not do it,\" {he} said."),
        s.say("\"Do not give up,\" said {elder}. \"{skilling2} is hard at first. Try a little every day.\"",
              "Then {elder} came and sat next to {him}. \"I could not {skill} when I was small,\" {ehe} said. \"I learned slowly, and you can too.\"",
              "\"I can show you,\" said {mn}. \"[Go slowly|Take a deep breath|Watch me first] and then try again.\""),
        s.say("So {n} practised every day. After [a week|ten days|many days|a month], {he} could {skill} very well.",
              "Day after day, {n} went back to try again. Each time {he} was a little better.",
              "{n} tried again, and this time it worked! \"I did it!\" {he} [shouted|cried|said]."),
        s.say("Now {n} loves {skilling} {where}.", "{elder2} was so proud of {him}.",
              "Soon {n} was teaching {mn} [a new trick|how to do it even better|everything {he} knew]."),
    ]


def fear(s):
    return [
        s.say("{n} was afraid of {fear}.", "There was only one thing that {n} did not like, and that was {fear}.",
              "{n} was {adj}, but {he} was scared of {fear}."),
        s.say("One [night|evening|day], {scare}. {n} [began to shake|hid behind {mn}|held {his} breath|wanted to run home].",
              "Then one [day|evening], {scare}. \"Help!\" cried {n}. {His} heart was beating fast."),
        s.say("\"Do not be afraid,\" said {elder}. \"I am here with you.\"",
              "{mn} took {his} hand. \"I am scared too sometimes,\" {mhe} said. \"We can be brave together.\"" if not s.animal else
              "{mn} sat close to {him}. \"I am scared too sometimes,\" {mhe} said. \"We can be brave together.\"",
              "\"Close your eyes and count to [three|five|ten],\" said {elder}. {n} [counted|did so] very slowly."),
        s.say("{n} opened {his} eyes and looked again. {He} saw that {truth}.", "Step by step, {n} went closer. Now {he} could see that {truth}.",
              "After a while, {n} understood that {truth}."),
        s.say("{He} was not afraid any more.", "\"That was not so bad,\" said {n}, and {he} laughed.",
              "{n} laughed. \"How silly I was!\" {he} said. \"Not silly at all,\" said {mn}."),
    ]


def share(s):
    return [
        s.say("{n} had a new {col} {toy}. {mn} wanted to play with it too.",
              "One day, {n} and {mn} found a {col} {toy} in the {place}. They both wanted it."),
        s.say("\"It is mine!\" said {n}. \"No, it is mine!\" said {mn}. They [pulled and pulled|began to shout|both got very angry].",
              "\"Can I play with it?\" asked {mn}. \"No,\" said {n}. \"It is mine.\" {mn} felt [sad|hurt] and went away.",
              "{n} held the {toy} tight and did not want to share. {mn} began to cry."),
        s.say("{n} played alone, but it was not fun. The {toy} was [nice|pretty], but {he} had no one to play with.",
              "Then the {toy} fell to the ground. \"Look what we did,\" said {mn}. They both felt bad.",
              "{elder2} came and said, \"A {toy} is more fun with two. Why not take turns?\""),
        s.say("\"I am sorry,\" said {n}. \"[Let us play together|You can have the first turn|Let us share it].\" {mn} smiled.",
              "{n} went to {mn} and said, \"I am sorry. Do you want to play with my {toy}?\" \"Yes, please!\" said {mn}.",
              "So they took turns. First {n} played with the {toy}, and then {mn} did."),
        s.say("They played until [the sun went down|it was time to eat|the stars came out].",
              "They had so much fun that they forgot about the fight."),
    ]


def rescue(s):
    return [
        s.say("One day, {n} was walking in the {place}. {He} heard a small sound. It was a little {hurt} with a hurt {limb}.",
              "On the way to the {place}, {n} saw a {hurt} on the ground. Its {limb} was hurt, and it could not move."),
        s.say("\"Poor little {hurt},\" said {n}. \"I will help you.\"", "\"Do not be afraid,\" said {n} softly. \"I will take care of you.\"",
              "The {hurt} was cold and afraid. {n} [put it in a warm basket|covered it with a soft cloth|spoke to it gently]."),
        s.say("{n} took the {hurt} home. {elder2} helped {him} to clean the {limb}. They gave it water and {food}.",
              "{He} carried it home very slowly. {mn} brought water, and {elder} made a soft bed of [straw|leaves|wool]."),
        s.say("Every day, {n} [looked after the {hurt}|brought it food|sang it a song]. Slowly, its {limb} got better.",
              "After [a week|many days|two weeks], the {hurt} was strong again."),
        s.say("One morning, it was time to say goodbye. {n} opened the door, and the {hurt} went back to the {place}. {n} was sad and happy at the same time.",
              "{n} let it go in the {place}. \"Goodbye, little {hurt},\" {he} said. The {hurt} looked back once, as if to say thank you.",
              "But the {hurt} did not want to leave. It stayed with {n}, and they became good friends."),
    ]


def journey(s):
    s.k["sick"] = "{elder}" if s.r.random() < .5 else "{mn}"
    return [
        s.say("One day, {sick} was ill. \"I will bring {food} from the {place},\" said {n}, \"and it will make things better.\"",
              "One morning, {n} had to carry a basket of {food} to {mn}, who lived far away, on the other side of the {place}.",
              "{n} wanted to see [the sea|the snow on the mountain|the end of the rainbow|the big city]. So {he} packed some {food} and set out."),
        s.say("{He} walked and walked. Soon {he} came to a wide river, and there was no bridge.",
              "The road was long. Then the rain began, and {n} was wet and cold.",
              "After a while, the path split in two. {n} did not know which way to go.",
              "At the top of the hill, a big tree lay across the road. It was too heavy to move."),
        s.say("\"How can I go on?\" {n} asked. \"I will help you,\" said a voice. It was {ekind2}.",
              "{n} sat down on a stone and thought. Just then, {ekind2} came by. \"Are you lost, little one?\"",
              "\"Hello,\" said {ekind2}. \"You look tired. May I help you?\" \"Yes, please,\" said {n}."),
        s.say("They worked together, and soon the way was clear. {n} shared {his} {food} and said thank you.",
              "\"Follow me,\" said the stranger, \"I know the way.\" They went through the {place} until {n} could see a light.",
              "\"Climb on my back,\" said the stranger. And so {n} got across, dry and safe."),
        s.say("In the evening, {n} arrived at last. [\"You came all this way!\" everyone said.|{He} was tired but happy.]",
              "At last {he} was there. {He} had never been so [glad|tired|proud] in {his} life."),
    ]


def surprise(s):
    return [
        s.say("It was the birthday of {mn}. {n} wanted to make a surprise for {mhim}.",
              "\"Tomorrow is my birthday,\" said {mn}. {n} had an idea. {He} would make a secret party."),
        s.say("{n} baked a cake with {food} and cherries. {elder2} helped {him} to hang {col} and {col2} balloons.",
              "{n} made a {col} {toy} and hid it {spot}. {elder2} cooked {food}.",
              "All day long, {n} worked in secret. {He} painted a {col} picture and picked flowers in the {place}."),
        s.say("When {mn} came in, everyone jumped up and shouted, \"Surprise!\"",
              "\"Close your eyes,\" said {n}. \"Now open them!\" {mn} could not believe it."),
        s.say("{mn} laughed and clapped. \"This is the best birthday ever!\" {mhe} said. \"{thanks}\"",
              "{mn} was so happy that {mhe} gave {n} a big hug."),
        s.say("They ate, danced and played games until it was [dark|late|time for bed].", "There was music, and there was {food}, and there was cake for everyone."),
    ]


def garden(s):
    return [
        s.say("In spring, {n} found a tiny seed. {He} put it in the ground {spot}.", "{elder2} gave {n} a small seed. \"Plant it and wait,\" {ehe} said.",
              "{n} wanted to grow {fruit}. {He} dug a hole, put in the seeds and covered them with earth."),
        s.say("Every day {he} gave it water and waited. But nothing happened.", "{n} looked at it in the morning and in the evening. \"When will it grow?\" {he} asked. \"Be patient,\" said {elder}.",
              "One day passed, then two, then three. \"It will never grow,\" said {n}."),
        s.say("Then, one morning, there was a little green leaf! {n} ran to tell {mn}.", "After a night of rain, a small green plant came out of the ground. \"Look, look!\" shouted {n}."),
        s.say("The plant grew and grew, until it was as tall as {n}.", "But then the wind came and bent the little plant. {n} and {mn} tied it to a stick, and it stood up again.",
              "The sun warmed it, the rain washed it, and it grew a little each day."),
        s.say("In summer, it was full of {fruit}. {n} shared them with everyone in the {place}.", "In the end there were so many {fruit} that {n} filled [three|five|ten] baskets."),
    ]


def honest(s):
    return [
        s.say("One day, {n} was playing with a ball in the house. Crash! The {broke} fell and broke.", "{n} was running too fast, and {he} broke the {broke}."),
        s.say("{n} was afraid that {elder} would be angry. So {he} hid the pieces {spot}.", "\"What should I do?\" thought {n}. {He} wanted to run away and hide {spot}."),
        s.say("\"Who broke the {broke}?\" asked {elder}. {n} looked at the floor. \"Maybe it was the cat,\" {he} said.", "At dinner, {n} could not eat. Even the {food} did not taste good. {His} tummy felt heavy."),
        s.say("At last, {n} said, \"It was me. I broke the {broke}. I am sorry.\"", "{mn} said, \"You should tell the truth.\" So {n} went to {elder} and told {ehim} everything."),
        s.say("{elder2} gave {him} a hug. \"Thank you for telling the truth,\" {ehe} said. \"We can fix it together.\"", "\"I am not angry,\" said {elder}. \"Things can be fixed. I am glad that you told me.\""),
    ]


def build(s):
    return [
        s.say("One day, {n} and {mn} wanted to build a {build}.", "\"Let us build a {build}!\" said {n}. \"What a good idea!\" said {mn}."),
        s.say("{n} brought [wood|stones|sticks|rope], and {mn} brought [a hammer|some nails|a bucket|more sticks]. They worked all morning.",
              "{n} wanted to make it big, but {mn} wanted to make it small. They talked about it for a long time."),
        s.say("But then the wind blew, and the {build} fell down. \"Oh no!\" said {mn}.", "It looked good, but it was not strong. When {n} touched it, it broke.", "Soon they were tired and hungry, and the {build} was not even half done."),
        s.say("\"We can try again,\" said {n}. \"This time we will make it stronger.\" {elder2} came to help.", "They asked {elder} for help. \"Start with the biggest pieces,\" said {elder}, \"and put the small ones on top.\"",
              "{n} made a new plan, and {mn} drew it in the sand. Then they began again."),
        s.say("When the sun went down, the {build} was ready. It was the best {build} in the whole {place}.", "At last it was done. They painted it {col} and {col2}.", "They sat down next to the {build} and ate {food}. It was perfect."),
    ]


def magic(s):
    return [
        s.say("One night, {n} found {magic} {spot}.", "One day, when {n} was walking in the {place}, {he} found {magic}. It was [shining|glowing] in the grass."),
        s.say("\"Please help me,\" said a tiny voice. \"I am lost and I want to go home.\" {n} could not believe {his} ears.",
              "\"You have found me,\" said a soft voice, \"so you may have one wish.\" {n} thought for a long time."),
        s.say("\"I wish that [my friend {mn} could be well again|everyone had enough {food}|it would snow tomorrow|I could fly like a bird|{mn} could come and visit me],\" said {n}.",
              "\"I will help you,\" said {n}. \"Where is your home?\" \"Far away, over the {place}, where the [moon|sun] sleeps.\""),
        s.say("There was a bright {col} light, and everything began to [turn|sparkle|shine]. It was like a dream.", "The wind lifted {him} up, over the trees and over the houses. {n} laughed with joy."),
        s.say("When {n} woke up, there was a {col} {toy} next to {him}. So it was not a dream after all.", "{n} never told anyone but {mn}, and {mn} kept the secret.", "In the morning, everything was as before, but {n} [was smiling|felt different]."),
    ]


def friend(s):
    return [
        s.say("{n} was lonely. {He} had no one to play with.", "One day, a new {mkind} came to the {place}. {mHis} name was {mn}. Nobody spoke to {mhim}."),
        s.say("{n} saw {mn} sitting alone {spot}. {He} went over and said, \"Hello, my name is {n}. What is your name?\" \"I am {mn},\" said the {mkind}.",
              "\"Do you want to play with me?\" asked {n}. {mn} looked up. \"Really?\" {mhe} said. \"Yes, really,\" said {n}."),
        s.say("They [played with a {col} {toy}|told each other stories|ran around the {place}|ate {food} together]. {mn} was very good at {skilling}.",
              "{n} liked {food}, and {mn} liked {food2}. {n} liked the sun, and {mn} liked the rain. But they both liked to laugh."),
        s.say("When it was time to go home, {mn} asked, \"Can we play again tomorrow?\" \"Of course,\" said {n}.", "\"Will you be my friend?\" asked {n}. \"I already am,\" said {mn}."),
    ]


def weather_day(s):
    end = s.say("Then it was time for {food}. {n} was [hungry|tired] and very happy.", "\"Time to [eat|wash your hands|rest]!\" called {elder}. The table was full of {food}.")
    if s.r.random() < 0.5:
        return [
            s.say("It rained all day, and {n} could not go out. \"There is nothing to do,\" {he} said.", "Outside there was a big storm. {n} and {mn} had to stay inside."),
            s.say("\"Let us pretend that the [table|bed|sofa|big box] is a ship,\" said {mn}. \"You are the captain!\" They sailed past islands made of pillows. A {col} fish swam beside them.",
                  "\"Shall I tell you a story?\" asked {elder}. \"Yes, please!\" said {n}. So {elder} told a story about {magic}. {n} listened with big eyes.",
                  "\"Let us [paint a picture|bake something|make a puppet]!\" said {mn}. Soon there was {col} [paint|flour|paper] on the table, on the floor and on the nose of {n}."),
            s.say("When they looked up, the rain had stopped. There was a rainbow over the {place}.", "They [laughed|played] so much that they did not hear the rain any more."), end]
    return [
        s.say("{n} and {mn} wanted to go to the {place}. They packed {food2} and a {col} {toy}.", "\"What a fine day!\" said {mn}. \"Let us go to the {place}.\" {n} put on {his} {col} hat."),
        s.say("On the way, it began to rain. They jumped in the puddles. Splash! Soon they were wet from head to toe.", "They ran in the sun, rolled down a hill and looked at the clouds. \"That one looks like a [{hurt}|ship|big {toy}],\" said {n}.",
              "They saw a {hurt} {spot}. It looked at them, and they looked at it. Nobody moved."),
        s.say("Then they sat down {where} and ate {food2}.", "\"I want every day to be like this,\" said {mn}."), end]


def lost_way(s):
    return [
        s.say("One day, {n} went too far into the {place}. When {he} looked back, {he} could not see the way home.", "{n} followed a {col} butterfly. {He} ran and ran, and soon {he} was lost."),
        s.say("It was getting dark. {n} was cold and hungry. \"[Hello?|Is anybody there?|Mother?]\" {he} called. No one answered.", "The trees looked [tall and strange|all the same]. {n} sat down and began to cry."),
        s.say("Then {he} remembered what {elder} had said: \"If you are lost, stay where you are, and I will find you.\"", "Then {he} saw a small light. It was a firefly. \"Follow me,\" it said, \"I will show you the way.\"",
              "\"Why do you cry?\" asked a voice. It was {mn}, and {mhe} had a lantern. \"I am lost,\" said {n}. \"Not any more,\" said {mn}."),
        s.say("Soon {n} saw the light in the window. {He} was home! {elder2} ran out and held {him} tight.", "Together they walked home under the stars. {elder2} was waiting at the door."),
        s.say("\"I was so worried,\" said {elder}. \"I am sorry,\" said {n}. \"I will never go so far alone again.\"", "{n} ate {food} and went straight to bed."),
    ]


PLOTS = [lost, learn, fear, share, rescue, journey, surprise, garden, honest, build, magic, friend, weather_day, lost_way]


def story(rng):
    s = Story(rng).cast()
    k = s.k
    k["elder2"] = k["elder"][0].upper() + k["elder"][1:]
    k["skilling2"] = k["skilling"][0].upper() + k["skilling"][1:]
    k["thanks"] = rng.choice(["Thank you!", "Thank you so much!", "Thank you, my friend!", "You are so kind!"])
    stranger, _ = rng.choice(WISE)
    k["ekind2"] = "a " + stranger
    plot = rng.choice(PLOTS)
    k["moral"] = rng.choice(MORALS[plot.__name__] * 2 + MORALS["any"])
    first = opening(s)
    while plot is friend and k["mn"] in first:  # they have not met yet
        first = opening(s)
    parts = [first] + plot(s) + [ending(s)]
    # Stories are one paragraph, or a few.
    if rng.random() < 0.3:
        cut = rng.randrange(1, len(parts) - 1)
        return " ".join(parts[:cut]) + "\n\n" + " ".join(parts[cut:])
    return " ".join(parts)


# ---------------------------------------------------------------- questions and answers

COLOUR_OF = {"the sky": "blue", "grass": "green", "snow": "white", "a banana": "yellow", "blood": "red", "the sun": "yellow",
             "coal": "black", "milk": "white", "a carrot": "orange", "a leaf in summer": "green", "the sea": "blue",
             "a lemon": "yellow", "a strawberry": "red", "chocolate": "brown", "the night": "black", "a cloud": "white"}
SOUNDS = {"cow": "moo", "dog": "woof", "cat": "meow", "duck": "quack", "sheep": "baa", "pig": "oink", "bee": "buzz",
          "lion": "roar", "mouse": "squeak", "owl": "hoot", "frog": "croak", "snake": "hiss", "horse": "neigh"}
LIVES = {"fish": "in the water", "bird": "in a nest", "bee": "in a hive", "fox": "in a den", "cow": "on a farm", "bear": "in the forest",
         "camel": "in the desert", "penguin": "in the cold south", "spider": "in a web", "rabbit": "in a hole", "whale": "in the sea"}
OPPOSITE = [("big", "small"), ("hot", "cold"), ("day", "night"), ("happy", "sad"), ("fast", "slow"), ("old", "young"), ("wet", "dry"),
            ("up", "down"), ("light", "dark"), ("open", "closed"), ("loud", "quiet"), ("full", "empty"), ("hard", "soft"), ("long", "short")]
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
BABY = {"dog": "puppy", "cat": "kitten", "cow": "calf", "sheep": "lamb", "horse": "foal", "duck": "duckling", "frog": "tadpole", "bear": "cub", "hen": "chick"}
USE = {"a key": "to open a door", "an umbrella": "to stay dry in the rain", "a bed": "to sleep in", "a spoon": "to eat soup", "a clock": "to tell the time",
       "a lamp": "to see in the dark", "a boat": "to cross the water", "a book": "to read", "a pen": "to write", "a hat": "to keep your head warm",
       "a broom": "to clean the floor", "a bridge": "to cross a river", "a map": "to find the way"}
LEGS = {"dog": 4, "bird": 2, "spider": 8, "bee": 6, "horse": 4, "cat": 4, "ant": 6, "duck": 2}


def cap(t):
    return t[0].upper() + t[1:]


def question(r):
    kind = r.randrange(11)
    if kind == 0:
        t, c = r.choice(list(COLOUR_OF.items()))
        return f"What colour is {t}?", r.choice([f"{cap(t)} is {c}.", f"It is {c}."])
    if kind == 1:
        t, c = r.choice(list(SOUNDS.items()))
        return f"What does the {t} say?", f"The {t} says {c}."
    if kind == 2:
        t, c = r.choice(list(LIVES.items()))
        art = "an" if t[0] in "aeiou" else "a"
        return f"Where does {art} {t} live?", f"{cap(art)} {t} lives {c}."
    if kind == 3:
        a, b = r.sample(r.choice(OPPOSITE), 2)
        return f"What is the opposite of {a}?", f"The opposite of {a} is {b}."
    if kind == 4:
        a, b = r.randrange(10), r.randrange(10)
        return f"What is {NUMBERS[a]} plus {NUMBERS[b]}?", f"{cap(NUMBERS[a])} plus {NUMBERS[b]} is {NUMBERS[a + b]}."
    if kind == 5:
        i = r.randrange(7)
        return f"What day comes after {DAYS[i]}?", f"{DAYS[(i + 1) % 7]} comes after {DAYS[i]}."
    if kind == 6:
        i = r.randrange(12)
        return f"What month comes after {MONTHS[i]}?", f"{MONTHS[(i + 1) % 12]} comes after {MONTHS[i]}."
    if kind == 7:
        t, c = r.choice(list(BABY.items()))
        return f"What is a baby {t} called?", f"A baby {t} is called a {c}."
    if kind == 8:
        t, c = r.choice(list(USE.items()))
        return f"What is {t} for?", f"{cap(t)} is {c}."
    if kind == 9:
        t, c = r.choice(list(LEGS.items()))
        return f"How many legs does {'an' if t[0] == 'a' else 'a'} {t} have?", f"It has {NUMBERS[c]} legs."
    return r.choice([("How are you?", "I am fine, thank you. How are you?"), ("Who are you?", "I am a small model that likes to tell stories."),
                     ("What can you do?", "I can tell short stories and answer easy questions."),
                     ("What is a story?", "A story tells what happened, from the beginning to the end."),
                     ("What do you like?", "I like stories about animals, friends and brave children."),
                     ("Hello!", "Hello! Would you like to hear a story?"), ("Thank you!", "You are welcome!"),
                     ("What is a friend?", "A friend is someone who is kind to you and helps you.")])


def qa(rng):
    return "\n".join("Q: {}\nA: {}".format(*question(rng)) for _ in range(rng.randint(2, 6)))


def tell(rng):
    s = story(rng)
    return "Q: " + rng.choice(["Tell me a story.", "Can you tell me a story?", "Please tell me a story."]) + "\nA: " + s


def documents(n, seed):
    rng = random.Random(seed)
    return [rng.choices([story, qa, tell], [86, 10, 4])[0](rng) for _ in range(n)]


if __name__ == "__main__":
    print("\n\n<|endoftext|>\n\n".join(documents(int(sys.argv[1]) if len(sys.argv) > 1 else 5, seed=7)))
