using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class NusWideDatasetTests
{
    private const string Sky = "Groundtruth/TrainTestLabels/Labels_sky_Train.txt";

    [Fact]
    public void Concepts_are_labels_and_backslashes_are_folders()
    {
        using TempFolder folder = Published();
        LabelledDataset train = DatasetSource.Open("nus-wide:" + folder.Path), test = DatasetSource.Open("nus-wide:" + folder.Path, train: false);
        Assert.True(train.MultiLabel);
        Assert.Equal(["animal", "clouds", "sky"], train.ClassNames);
        Assert.Equal([[1, 2], [], [0]], Enumerable.Range(0, train.Count).Select(i => train.Labels(i).ToArray()));
        Assert.Equal([2], test.Labels(0));
        DatasetSplits.RequireSameClasses(train, test);
        using ImageBuffer image = new();
        train.Load(0, image);
        Assert.Equal(7, image.Pixels[0]);
        Assert.Contains("0003_1.jpg", Assert.ThrowsAny<IOException>(() => train.Load(2, image)).Message);
    }

    [Theory]
    [InlineData(Sky, "1\n0\n", "has 2 lines, and")]
    [InlineData(Sky, "1\n0\n0\n0\n", "has 4 lines, and")]
    [InlineData(Sky, "1\n2\n0\n", "line 2: expected one 0 or 1")]
    [InlineData(Sky, "1\n0 1\n0\n", "line 2: expected one 0 or 1")]
    [InlineData("ImageList/TrainImagelist.txt", "actor\\0001_2.jpg\n..\\..\\x.jpg\nb\\0003_1.jpg\n", "line 2: '../../x.jpg' leads out")]
    [InlineData("ConceptsList/Concepts81.txt", "animal\nsky\n", "Labels_clouds_Train.txt is for none of the 2 concepts")]
    [InlineData("ConceptsList/Concepts81.txt", "animal\nsky\nsky\n", "'sky' more than once")]
    public void Bad_lists_are_named(string file, string content, string reason)
    {
        using TempFolder folder = Published();
        folder.Write(file, content);
        string message = Assert.Throws<InvalidDataException>(() => DatasetSource.Open("nus-wide:" + folder.Path)).Message;
        Assert.StartsWith(folder.Path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void What_is_missing_is_named()
    {
        using TempFolder folder = Published();
        folder.Write("ConceptsList/Concepts81.txt", "animal\nclouds\nsky\nzebra\n");
        Assert.Contains("names zebra, and there is no", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open("nus-wide:" + folder.Path)).Message);
        Directory.Delete(folder["Groundtruth"], recursive: true);
        Assert.Contains("TrainTestLabels", Assert.Throws<DirectoryNotFoundException>(() => DatasetSource.Open("nus-wide:" + folder.Path)).Message);
        Directory.Delete(folder["ImageList"], recursive: true);
        Assert.Contains("TrainImagelist.txt", Assert.Throws<FileNotFoundException>(() => DatasetSource.Open("nus-wide:" + folder.Path)).Message);
    }

    [Fact]
    public void The_list_of_asl_is_read_where_the_published_ones_are_not_there()
    {
        using TempFolder folder = new();
        string csv = folder.Write("nus_wid_data.csv", "filepath,label,split_name\nimages/1.jpg,\"['clouds', 'sky']\",train\nimages/2.jpg,['animal'],train\nimages/3.jpg,\"['sky']\",val\n");
        LabelledDataset train = DatasetSource.Open("nus-wide:" + folder.Path), test = DatasetSource.Open("nus-wide:" + folder.Path, train: false);
        Assert.Equal(["animal", "clouds", "sky"], test.ClassNames);
        Assert.Equal([[1, 2], [0]], Enumerable.Range(0, train.Count).Select(i => train.Labels(i).ToArray()));
        Assert.Equal([2], test.Labels(0));
        foreach (string line in new[] { "images/1.jpg,sky,train", "images/1.jpg,['sky'],dev", "images/1.jpg,['sky']" })
        {
            folder.Write("nus_wid_data.csv", "filepath,label,split_name\nimages/0.jpg,['sky'],train\n" + line + "\n");
            Assert.StartsWith($"{csv}, line 3: expected a path, labels such as", Assert.Throws<InvalidDataException>(() => DatasetSource.Open("nus-wide:" + folder.Path)).Message);
        }
    }

    private static TempFolder Published()
    {
        TempFolder folder = new();
        folder.Write("ConceptsList/Concepts81.txt", "animal\nclouds\nsky\n");
        folder.Write("ImageList/TrainImagelist.txt", "actor\\0001_2.jpg\nactor\\0002_9.jpg\nb\\0003_1.jpg\n");
        folder.Write("ImageList/TestImagelist.txt", "b\\0004_5.jpg\n");
        foreach ((string concept, string train, string test) in new[] { ("animal", "0\n0\n1\n", "0\n"), ("clouds", "1 \n0 \n0 \n", "0\n"), ("sky", "1\r\n0\r\n0\r\n", "1\n") })
        {
            folder.Write($"Groundtruth/TrainTestLabels/Labels_{concept}_Train.txt", train);
            folder.Write($"Groundtruth/TrainTestLabels/Labels_{concept}_Test.txt", test);
        }

        folder.WritePng("Flickr/actor/0001_2.jpg", 7);
        return folder;
    }
}
