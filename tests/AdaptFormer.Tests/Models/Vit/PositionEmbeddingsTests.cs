using System.Text.Json;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Models.Vit;

public sealed class PositionEmbeddingsTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (var file in ParityCase.Files("pos_embed"))
            {
                foreach (JsonProperty entry in ParityCase.Open(file.Data).Config.GetProperty("cases").EnumerateObject()) cases.Add(file.Data, entry.Name);
            }

            return cases;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Tables_equal_those_of_the_original_programs(string file, string name)
    {
        ParityCase golden = ParityCase.Open(file);
        JsonElement options = golden.Config.GetProperty("cases").GetProperty(name);
        float[] table = name[..name.IndexOf('_')] switch
        {
            "interp" => Interpolate(golden, name, options),
            "sinusoid" => Sinusoid(options),
            "sincos2d" => PositionEmbeddings.SinCos2D(Int(options, "embed_dim"), (Int(options, "grid"), Int(options, "grid")), options.GetProperty("cls_token").GetBoolean()),
            string kind => throw new InvalidDataException($"case {name}: {kind} is not known"),
        };
        ParityCase.AssertClose(name, golden.Floats($"out/{name}"), table, golden.Config.GetProperty("rtol").GetDouble());
    }

    [Fact]
    public void A_table_of_another_size_is_refused()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => PositionEmbeddings.Resize(new float[16 * 3], 3, extra: 1, (4, 4), (6, 6)));
        Assert.Contains("1 + 4x4 tokens of 3 need 51 numbers, got 48", error.Message);
    }

    [Theory]
    [InlineData(0, 0, 4, 6)]
    [InlineData(3, -1, 4, 6)]
    [InlineData(3, 0, 0, 6)]
    [InlineData(3, 0, 4, 0)]
    public void An_empty_grid_is_refused(int dim, int extra, int from, int to) => Assert.Contains(
        "cannot resize a grid", Assert.Throws<ArgumentException>(() => PositionEmbeddings.Resize(new float[48], dim, extra, (from, 4), (6, to))).Message);

    [Fact]
    public void One_number_a_token_is_enough() => Assert.Equal([7, 7, 7, 7], PositionEmbeddings.Resize([7], 1, extra: 0, (1, 1), (2, 2)));

    private static float[] Interpolate(ParityCase golden, string name, JsonElement options)
    {
        (int from, int to) = (Int(options, "src_grid"), Int(options, "dst_grid"));
        int extra = options.TryGetProperty("extra_tokens", out JsonElement given) ? given.GetInt32() : 0;
        return PositionEmbeddings.Resize(golden.Floats($"input/{name}"), Int(options, "dim"), extra, (from, from), (to, to));
    }

    private static float[] Sinusoid(JsonElement options)
    {
        int dim = Int(options, "d_hid");
        float[] table = PositionEmbeddings.Sinusoid(Int(options, "n_position"), dim);
        JsonElement rows = options.GetProperty("rows");
        return rows.ValueKind == JsonValueKind.Null ? table : [.. rows.EnumerateArray().SelectMany(row => table.AsSpan(row.GetInt32() * dim, dim).ToArray())];
    }

    private static int Int(JsonElement options, string name) => options.GetProperty(name).GetInt32();
}
