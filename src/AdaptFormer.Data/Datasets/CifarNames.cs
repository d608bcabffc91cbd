using AdaptFormer.Files;

namespace AdaptFormer.Data.Datasets;

/// <summary>The class names of CIFAR: from the owners' text files where they lie beside the data, else as published.</summary>
internal static class CifarNames
{
    private const string Ten = "airplane automobile bird cat deer dog frog horse ship truck";

    private const string Coarse =
        "aquatic_mammals fish flowers food_containers fruit_and_vegetables household_electrical_devices household_furniture insects "
        + "large_carnivores large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores medium_mammals "
        + "non-insect_invertebrates people reptiles small_mammals trees vehicles_1 vehicles_2";

    private const string Fine =
        "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
        + "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest "
            + "fox girl "
        + "hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom "
            + "oak_tree "
        + "orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket "
            + "rose sea "
        + "seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television "
            + "tiger "
        + "tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm";

    /// <exception cref="InvalidDataException">A names file has another number of names than there are classes.</exception>
    public static string[] Read(string folder, CifarLabels labels)
    {
        (string file, string pickle, string key, string known) = labels switch
        {
            CifarLabels.Cifar10 => ("batches.meta.txt", "batches.meta", "label_names", Ten),
            CifarLabels.Cifar100Fine => ("fine_label_names.txt", "meta", "fine_label_names", Fine),
            _ => ("coarse_label_names.txt", "meta", "coarse_label_names", Coarse),
        };
        string[] published = known.Split(' ');
        string path = Path.Combine(folder, file), pickled = Path.Combine(folder, pickle);
        string[] names = published;
        if (File.Exists(path)) names = [.. ListFile.Lines(path).Select(line => line.Text)];
        else if (File.Exists(path = pickled)) names = [.. PickledData.Read(pickled).Texts(key)];
        return names.Length == published.Length
            ? names
            : throw new InvalidDataException($"{path} has {names.Length} names; {labels} has {published.Length} classes.");
    }
}
