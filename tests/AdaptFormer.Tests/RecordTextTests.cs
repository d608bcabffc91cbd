using System.Collections;
using System.Reflection;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using Xunit;

namespace AdaptFormer.Tests;

/// <summary>Records print themselves in debuggers and logs: none may end the program doing so.</summary>
public sealed class RecordTextTests
{
    private static readonly Assembly[] Libraries =
    [
        typeof(AdaptFormer.Tensors.Tensor).Assembly, typeof(Backbone).Assembly, typeof(AdaptFormer.Peft.Tuning).Assembly, typeof(AdaptFormer.Data.Images.ImageBuffer).Assembly,
        typeof(AdaptFormer.Inference.Predictor).Assembly,
        typeof(AdaptFormer.Training.Loop.Trainer).Assembly, typeof(AdaptFormer.Files.Disk).Assembly, typeof(AdaptFormer.Runs.RunDirectory).Assembly,
        typeof(AdaptFormer.Reports.ReportData).Assembly, typeof(AdaptFormer.Experiments.TrainingRun).Assembly,
    ];

    public static TheoryData<string> Records =>
        [.. Libraries.SelectMany(library => library.GetTypes()).Where(type => type is { IsVisible: true, IsAbstract: false, ContainsGenericParameters: false } && IsRecord(type)).Select(type => type.AssemblyQualifiedName!)];

    [Theory]
    [MemberData(nameof(Records))]
    public void A_public_record_prints_itself(string name)
    {
        using AdaptFormer.Tensors.TensorScope scope = new();
        object value = Make(Type.GetType(name)!, 0)!;
        Assert.False(string.IsNullOrEmpty(value.ToString()), name);
    }

    [Fact]
    public void A_configuration_prints_as_the_json_that_a_recipe_would_have()
    {
        foreach (string id in ModelZoo.Ids)
        {
            ModelDescription model = ModelZoo.Get(id);
            Assert.Equal(model.Config.ToJson(), $"{model.Config}");
            Assert.Contains(id, $"{model}", StringComparison.Ordinal);
        }
    }

    private static bool IsRecord(Type type) =>
        type.GetMethod("<Clone>$") is not null || type.GetMethod("PrintMembers", BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.DeclaredOnly) is not null;

    /// <summary>A value of a type: by its longest constructor, with plain values for everything.</summary>
    private static object? Make(Type type, int depth)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner) return depth > 6 ? null : Make(inner, depth);
        if (type == typeof(string)) return "x";
        if (type == typeof(AdaptFormer.Tensors.Tensor)) return AdaptFormer.Tensors.Tensor.Full(new AdaptFormer.Tensors.Shape(1, 2, 3), 0);
        if (type.IsEnum) return Enum.GetValues(type).GetValue(0);
        if (type.IsPrimitive && type != typeof(bool) && type != typeof(char) && type != typeof(nint) && type != typeof(nuint)) return Convert.ChangeType(1, type, System.Globalization.CultureInfo.InvariantCulture);
        if (type.IsPrimitive || type == typeof(decimal) || type == typeof(TimeSpan) || type == typeof(DateTime) || type == typeof(DateTimeOffset)) return Activator.CreateInstance(type);
        if (type.IsArray) return Array.CreateInstance(type.GetElementType()!, 0);
        if (type == typeof(Uri)) return new Uri("http://x/");
        if (type == typeof(AdaptFormer.Tensors.Shape)) return new AdaptFormer.Tensors.Shape(2, 3);
        if (type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type)) return MakeList(type);
        if (type.IsInterface || type.IsAbstract)
        {
            Type? concrete = type.Assembly.GetTypes().FirstOrDefault(candidate => candidate is { IsAbstract: false, IsInterface: false } && type.IsAssignableFrom(candidate) && IsRecord(candidate));
            return concrete is null ? null : Make(concrete, depth + 1);
        }

        if (!IsRecord(type)) return type.IsValueType ? Activator.CreateInstance(type) : null;
        ConstructorInfo? maker = type.GetConstructors().Where(one => one.GetParameters() is not [var only] || only.ParameterType != type).MaxBy(one => one.GetParameters().Length);
        return maker is null ? Activator.CreateInstance(type)
            : maker.Invoke([.. maker.GetParameters().Select(parameter => parameter.HasDefaultValue && parameter.DefaultValue is { } given and not DBNull ? Default(parameter.ParameterType, given) : Make(parameter.ParameterType, depth + 1))]);
    }

    private static object Default(Type type, object given) => (Nullable.GetUnderlyingType(type) ?? type) is { IsEnum: true } kind ? Enum.ToObject(kind, given) : given;

    private static object? MakeList(Type type)
    {
        Type[] arguments = type.GetGenericArguments();
        Type list = arguments.Length == 2 ? typeof(Dictionary<,>).MakeGenericType(arguments) : typeof(List<>).MakeGenericType(arguments);
        return type.IsAssignableFrom(list) ? Activator.CreateInstance(list) : null;
    }
}
