using AdaptFormer.Data;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class ListFuzzTests
{
    private const int Trials = 16;

    [Theory]
    [InlineData("food101:.", "meta/classes.txt", "a\nb\n", "meta/train.txt", "a/1\nb/2\n")]
    [InlineData("vtab:.", "train800val200.txt", "a/1.png 0\nb/2.png 1\n", "test.txt", "a/1.png 1\n")]
    [InlineData("nus-wide:.", "ImageList/TrainImagelist.txt", "a\\1.jpg\nb\\2.jpg\n", "Groundtruth/TrainTestLabels/Labels_sky_Train.txt", "0\n1\n")]
    [InlineData("nus-wide:.", "nus_wid_data.csv", "filepath,label,split_name\na/1.jpg,\"['sky', 'sea']\",train\na/2.jpg,['sea'],val\n", "unused", "")]
    [InlineData("ssv2:.", "something-something-v2-labels.json", "{\"Doing something\":\"0\",\"Eating something\":\"1\"}",
        "something-something-v2-train.json", "[\n{\"id\":\"1\",\"template\":\"Doing [something]\",\"placeholders\":[\"x\"]},\n{\"id\":\"2\",\"template\":\"Eating [something]\"}\n]")]
    [InlineData("hmdb51:.", "splits/a_test_split1.txt", "1.avi 1 \n2.avi 2 \n", "splits/b_test_split1.txt", "1.avi 1 \n2.avi 2 \n")]
    [InlineData("ucf101:.", "classInd.txt", "1 a\n2 b\n", "trainlist01.txt", "a/1.avi 1\nb/1.avi 2\n")]
    [InlineData("kinetics:.", "train.csv", "label,youtube_id,time_start,time_end,split\n\"a\",aaaaaaaaaaa,0,10,train\nb,bbbbbbbbbbb,2,12,train\n", "unused", "")]
    [InlineData("clip-csv:train.csv", "train.csv", "clip,labels\na/1,x|y\n\"b/1\",z\n", "unused", "")]
    [InlineData("clip-jsonl:train.jsonl", "train.jsonl", "{\"clip\": \"a/1\", \"labels\": [\"x\", \"y\"]}\n{\"clip\": \"b/1\", \"label\": 2}\n", "unused", "")]
    [InlineData("clip-list:train.txt", "train.txt", "a/1 0\nb/1.avi 1\n", "unused", "")]
    [InlineData("frame-list:train.txt", "train.txt", "a/1 1 3 0\nb/1 3 1\n", "unused", "")]
    public void A_spoilt_list_is_read_or_refused_by_name_and_never_breaks_the_reader(string spec, string first, string firstText, string second, string secondText)
    {
        using TempFolder folder = new();
        foreach (string clip in new[] { "a/1.avi", "b/1.avi", "1.webm", "aaaaaaaaaaa.mp4" }) folder.Write(clip, "");
        string full = spec.Replace(":.", $":{folder.Path}", StringComparison.Ordinal).Replace(":train", $":{folder["train"]}", StringComparison.Ordinal);
        folder.Write(first, firstText);
        folder.Write(second, secondText);
        Assert.True(Open(full) > 0);      // sound as it is

        Random random = new(7);
        for (int trial = 0; trial < Trials; trial++)
        {
            (string file, string text) = trial % 2 == 0 || secondText.Length == 0 ? (first, firstText) : (second, secondText);
            folder.Write(file, Spoil(System.Text.Encoding.UTF8.GetBytes(text), random));
            try
            {
                Assert.True(Open(full) >= 0);
            }
            catch (Exception refused) when (refused is InvalidDataException or IOException)
            {
                Assert.Contains(folder.Path, refused.Message, StringComparison.Ordinal);
            }

            folder.Write(file, text);
        }
    }

    private static int Open(string spec)
    {
        LabelledDataset data = DatasetSource.MeansClips(spec) ? Clips.Open(spec) : DatasetSource.Open(spec);
        for (int i = 0; i < data.Count; i++)
        {
            Assert.All(data.Labels(i), label => Assert.InRange(label, 0, data.ClassNames.Count - 1));
            Assert.NotEmpty(data.Source(i));
        }

        return data.Count;
    }

    private static byte[] Spoil(byte[] bytes, Random random)
    {
        List<byte> spoilt = [.. bytes];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(spoilt.Count);
            switch (random.Next(4))
            {
                case 0:
                    spoilt[at] = (byte)random.Next(256);
                    break;
                case 1:
                    spoilt.RemoveAt(at);
                    break;
                case 2:
                    spoilt.Insert(at, (byte)"0123456789 ,|\"\\/.[]{}\n\r\t#-\0"[random.Next(27)]);
                    break;
                default:
                    spoilt.RemoveRange(at, spoilt.Count - at);
                    spoilt.Add((byte)'\n');
                    break;
            }
        }

        return [.. spoilt];
    }
}
